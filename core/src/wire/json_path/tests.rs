//! Tests of documents and of paths into them.

use super::*;

fn path(text: &str) -> JsonPath {
    JsonPath::parse(text).unwrap()
}

fn texts(document: &str, at: &str) -> Vec<String> {
    let node = Node::parse(document.as_bytes()).unwrap();
    let found = path(at).all(&node).into_iter();
    found.filter_map(|n| Some(n.text()?.into_owned())).collect()
}

#[test]
fn a_path_leads_through_objects_and_lists() {
    let document = r#"{"a":{"b":[{"c":"x"},{"d":1},{"c":2.50}]},"n":null}"#;
    assert_eq!(texts(document, "a.b[].c"), ["x", "2.50"]);
    assert_eq!(texts(document, "a.b[0].c"), ["x"]);
    assert_eq!(texts(document, "a.b[7].c"), Vec::<String>::new());
    assert_eq!(texts(r#"[{"id":"1"},{"id":"2"}]"#, "[].id"), ["1", "2"]);
    assert_eq!(texts("[[1,2],[3]]", "[][]"), ["1", "2", "3"]);
    let node = Node::parse(document.as_bytes()).unwrap();
    assert_eq!(path("n").first(&node), None);
    assert_eq!(
        path("a.b[].c.d").split_each(),
        Some((path("a.b[]"), path("c.d")))
    );
    assert_eq!(path("a.b").split_each(), None);
    assert_eq!(path("a[]").split_each(), None);
}

#[test]
fn what_is_no_path_is_refused() {
    let long = "a.".repeat(20) + "a";
    for text in [
        "", ".", "a.", ".a", "a..b", "a[", "a]", "a[x]", "a[-1]", "a[0]b", &long,
    ] {
        assert!(JsonPath::parse(text).is_err(), "{text}");
    }
}

#[test]
fn numbers_keep_their_digits_and_are_never_floats() {
    let number = |text: &str| Node::parse(text.as_bytes()).unwrap();
    assert_eq!(
        number("12345678901234567890.10").text().unwrap(),
        "12345678901234567890.10"
    );
    assert_eq!(number("0.719034").scaled(2), Some(71));
    assert_eq!(number("\"0.719034\"").scaled(2), Some(71));
    assert_eq!(number("1700000000.1239").scaled(3), Some(1_700_000_000_123));
    assert_eq!(number("-2.5").scaled(1), Some(-25));
    assert_eq!(number("9.7e1").scaled(0), Some(97));
    assert_eq!(number("97e-2").scaled(2), Some(97));
    assert_eq!(number("1e-9").scaled(2), Some(0));
    assert_eq!(number("1e99").scaled(0), None);
    assert_eq!(number("1e-2147483648").scaled(0), None);
    assert_eq!(number("99999999999999999999").scaled(0), None);
    assert_eq!(
        (number("2.0").integer(), number("2.5").integer()),
        (Some(2), None)
    );
    for text in ["nan", "inf", "1_000", "+1", "", "1.", ".5", "0x10"] {
        assert_eq!(Node::Text(text.to_owned()).scaled(0), None, "{text}");
    }
}

#[test]
fn a_key_twice_too_deep_or_no_json_is_no_document() {
    let syntax = |text: &str| {
        matches!(
            Node::parse(text.as_bytes()),
            Err(NodeFault::Syntax(_) | NodeFault::TooLarge)
        )
    };
    assert!(syntax(r#"{"a":1,"a":2}"#));
    assert!(syntax(&("[".repeat(30) + &"]".repeat(30))));
    assert!(syntax(&("[".repeat(100_000) + &"]".repeat(100_000))));
    assert!(syntax("{") && syntax("") && syntax("{} x"));
    assert_eq!(Node::parse(b"\"\xff\""), Err(NodeFault::Encoding));
}
