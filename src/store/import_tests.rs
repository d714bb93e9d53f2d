use super::*;
use crate::store::testing::EXAMPLE;

fn places(faults: &[LineFault]) -> Vec<(u64, &str)> {
    faults.iter().map(|f| (f.line, f.path.as_str())).collect()
}

#[test]
fn a_file_with_faulty_lines_is_refused_whole_and_every_one_is_listed() {
    let no_port = EXAMPLE.replace("\"port\":\"5345\"", "\"port\":\"53\"");
    let no_version = EXAMPLE
        .replace("\"version\":3", "\"version\":0")
        .replace("5345202600012345", "5345202600012346");
    let text = format!("{EXAMPLE}\n\n{no_port}\nrubbish\n{no_version}\n{EXAMPLE}\n");
    let faults = parse_json_lines(&text).unwrap_err();
    assert_eq!(
        places(&faults),
        [(3, "id"), (3, "port"), (4, "."), (5, "version"), (6, "id")]
    );
    assert!(faults[4].why.contains("line 1"), "{}", faults[4]);
    assert_eq!(parse_json_lines(EXAMPLE).unwrap().len(), 1);
}

/// Case c71: in a file an id sent as a number refuses the file, and the number
/// a double makes of it is never said.
#[test]
fn an_id_sent_as_a_number_refuses_the_file() {
    let number = EXAMPLE.replace("\"5345202600012345\"", "534520261000123457");
    let faults = parse_json_lines(&format!("{EXAMPLE}\n{number}\n")).unwrap_err();
    assert_eq!(places(&faults), [(2, "id")]);
    assert!(!format!("{faults:?}").contains("534520261000123456"));
}

/// Case c60, to the letter: rows 2, 3 and 5 are named; row 4 has a legal shape.
#[test]
fn ids_a_spreadsheet_mangled_are_refused_by_line_and_reason() {
    let text = "id,form,plates\n5.3452E+17,bill,粤B12345\n'534520261000123457,bill,粤B12346\n534520261000123000,bill,粤B12347\n4403161E34,bill,粤B12348\n";
    let faults = parse_csv(text).unwrap_err();
    let of_rows: Vec<_> = faults.iter().filter(|f| f.line > 1).collect();
    assert_eq!(
        of_rows.iter().map(|f| f.line).collect::<Vec<_>>(),
        [2, 3, 5]
    );
    assert!(of_rows[0].why.contains("spreadsheet number format"));
    assert!(of_rows[1].why.contains("leading apostrophe"));
    assert!(of_rows[2].why.contains("wrong kind of document"));
    assert!(!format!("{faults:?}").contains("534520000000000000"));
}

const CSV_HEAD: &str = "id,form,version,status,direction,port,enterprise,class,plates,tare_kg,load,goods_gross_kg,valid_from,valid_until";
const CSV_ROW: &str = "534520261000123000,bill,1,released,export,5345,4403161234,advanced,粤ZAB12港|AB1234,8600,container,18450,2026-11-24T00:00:00+08:00,2026-11-25T00:00:00+08:00";

#[test]
fn a_csv_row_becomes_the_declaration_it_says() {
    let head = format!(
        "\u{feff}{CSV_HEAD},container,container_tare_kg,seals,trailer,trailer_tare_kg,driver_card,trips"
    );
    let row = format!("{CSV_ROW},CSQU3054383,3750,8000620011,粤B1234挂,5200,,20");
    let read = parse_csv(&format!("{head}\r\n{row}\r\n")).unwrap();
    let want = r#"{"id":"534520261000123000","form":"bill","version":1,"status":"released","direction":"export","port":"5345","enterprise":"4403161234","class":"advanced","vehicles":[{"plates":["粤ZAB12港","AB1234"],"tare_kg":8600}],"trailers":[{"plate":"粤B1234挂","tare_kg":5200}],"load":"container","containers":[{"no":"CSQU3054383","tare_kg":3750,"seals":["8000620011"]}],"goods_gross_kg":18450,"valid_from":"2026-11-24T00:00:00+08:00","valid_until":"2026-11-25T00:00:00+08:00","binding":{"kind":"trips","trips":20}}"#;
    assert_eq!(read, parse_json_lines(want).unwrap());
    assert_eq!(rounded_looking(&read), 1);
}

#[test]
fn a_csv_number_that_is_no_plain_number_and_a_column_nobody_knows_are_faults() {
    let text = format!("{CSV_HEAD}\n{}\n", CSV_ROW.replace("8600", "8.6E3"));
    let faults = parse_csv(&text).unwrap_err();
    assert_eq!(places(&faults), [(2, "vehicles[0].tare_kg")]);
    let text = format!("{CSV_HEAD},wieght\n{CSV_ROW},1\n");
    assert_eq!(places(&parse_csv(&text).unwrap_err()), [(1, "wieght")]);
}
