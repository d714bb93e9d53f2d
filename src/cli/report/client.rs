//! Prometheus' HTTP API, as far as it is asked: plain HTTP, one question a
//! connection, a limit on time and length of the answer.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::Span;
use crate::cli::output::chain;

/// An answer takes no longer.
const WITHIN: Duration = Duration::from_secs(30);
/// And is no longer.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// As the legend calls it.
    pub(super) name: String,
    /// Its labels.
    pub(super) labels: BTreeMap<String, String>,
    /// Seconds since 1970 and value.
    pub(super) points: Vec<(i64, f64)>,
}

/// Where it answers.
#[derive(Debug)]
pub(super) struct Prometheus {
    host: String,
    port: u16,
    /// Before `/api/v1`.
    path: String,
}

impl Prometheus {
    /// Reads its address.
    pub(super) fn at(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{url}: {why}; write something like http://127.0.0.1:9090");
        let uri: Uri = url.parse().map_err(|_| wrong("not an address"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(wrong(
                    "https is not spoken here, ask through a proxy or a tunnel",
                ));
            }
            Some(_) | None => return Err(wrong("it begins with http://")),
        }
        let host = uri.host().ok_or_else(|| wrong("no host"))?;
        Ok(Self {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(80),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The value of `expr` at a moment.
    pub(super) async fn instant(&self, expr: &str, at: i64) -> Result<Vec<Series>, String> {
        let asked = format!("query?time={at}&query={}", encoded(expr));
        series(&self.ask(&asked).await?, "value")
    }

    /// The values of `expr` over a span.
    pub(super) async fn range(&self, expr: &str, span: Span) -> Result<Vec<Series>, String> {
        let (from, until, step) = (span.from, span.until, span.step());
        let asked = format!(
            "query_range?start={from}&end={until}&step={step}&query={}",
            encoded(expr)
        );
        series(&self.ask(&asked).await?, "values")
    }

    async fn ask(&self, asked: &str) -> Result<Value, String> {
        let (host, port) = (&self.host, self.port);
        let hint = "is Prometheus there?";
        let answer = tokio::time::timeout(WITHIN, self.fetch(asked)).await;
        let answer = answer
            .map_err(|_| format!("{host}:{port} does not answer within 30 s; {hint}"))?
            .map_err(|why| format!("{host}:{port}: {}; {hint}", chain(why.as_ref())))?;
        serde_json::from_slice(&answer)
            .map_err(|_| format!("{host}:{port} answers something that is not JSON; {hint}"))
    }

    async fn fetch(&self, asked: &str) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect((self.host.trim_matches(['[', ']']), self.port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get(format!("{}/api/v1/{asked}", self.path))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .body(Empty::<Bytes>::new())?;
        let answered = async {
            let response = sender.send_request(request).await?;
            let body = Limited::new(response.into_body(), ANSWER_MAX);
            Ok(body.collect().await?.to_bytes())
        };
        // The connection carries the answer, and ends after it.
        tokio::select! {
            answer = answered => answer,
            Err(why) = connection => Err(why.into()),
        }
    }
}

/// What an answer holds; values that are no number are left out.
fn series(answer: &Value, field: &str) -> Result<Vec<Series>, String> {
    if answer["status"] != "success" {
        let why = answer["error"].as_str().unwrap_or("it does not say why");
        return Err(format!("Prometheus refuses the question: {why}"));
    }
    let result = answer["data"]["result"].as_array();
    let result = result.ok_or("Prometheus answers without a result")?;
    Ok(result.iter().map(|one| read(one, field)).collect())
}

fn read(one: &Value, field: &str) -> Series {
    let labels = one["metric"].as_object().into_iter().flatten();
    let labels =
        labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let points = match field {
        "value" => std::slice::from_ref(&one[field]),
        _ => one[field].as_array().map_or(&[][..], Vec::as_slice),
    };
    Series {
        name: String::new(),
        labels: labels.collect(),
        points: points.iter().filter_map(point).collect(),
    }
}

fn point(pair: &Value) -> Option<(i64, f64)> {
    let at = pair.get(0)?;
    let at = at.as_i64().or_else(|| at.as_f64().map(|at| at as i64))?;
    let value: f64 = pair.get(1)?.as_str()?.parse().ok()?;
    value.is_finite().then_some((at, value))
}

/// In a query string.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_address_is_plain_http_with_a_host_and_perhaps_a_path() {
        let at = Prometheus::at("http://prom.example:9090/prom/").unwrap();
        assert_eq!(
            (at.host.as_str(), at.port, at.path.as_str()),
            ("prom.example", 9090, "/prom")
        );
        let at = Prometheus::at("http://[::1]").unwrap();
        assert_eq!((at.port, at.path.as_str()), (80, ""));
        for wrong in ["https://prom.example", "prom.example:9090", "", "ftp://x"] {
            assert!(Prometheus::at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_its_series_without_what_is_no_number() {
        let answer = json!({"status": "success", "data": {"result": [
            {"metric": {"lane": "A"}, "values": [[10, "1.5"], [11.5, "NaN"], [12, "+Inf"], [13, "2"]]}]}});
        let found = series(&answer, "values").unwrap();
        assert_eq!(found[0].points, [(10, 1.5), (13, 2.0)]);
        assert_eq!(found[0].labels["lane"], "A");
        let answer =
            json!({"status": "success", "data": {"result": [{"metric": {}, "value": [10, "7"]}]}});
        assert_eq!(series(&answer, "value").unwrap()[0].points, [(10, 7.0)]);
        let refused = json!({"status": "error", "error": "parse error"});
        assert!(
            series(&refused, "value")
                .unwrap_err()
                .contains("parse error")
        );
    }

    #[test]
    fn a_question_is_encoded_byte_by_byte() {
        assert_eq!(
            encoded("a{b=\"港\"} > 1"),
            "a%7Bb%3D%22%E6%B8%AF%22%7D%20%3E%201"
        );
    }
}
