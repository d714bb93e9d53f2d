//! Canonical JSON of a text that somebody else wrote: what Python's
//! `json.dumps(sort_keys=True, separators=(',',':'), ensure_ascii=False)`
//! prints after `json.loads`.
//!
//! Going through a parsed value would lose the digits of a number that fits no
//! machine word, and the hash of a whole batch with it; the item that holds
//! such a number shall be refused, not the batch. So numbers stay text here.

use std::collections::BTreeMap;

use lanegate_core::model::Fault;
use serde_json::value::RawValue;

/// Deepest nesting accepted (L9); our deepest message has nine levels.
const DEPTH_MAX: u32 = 64;

/// The canonical form of one JSON text.
///
/// # Errors
/// Where the text is no JSON, or nested deeper than 64 levels.
pub fn canonical_text(raw: &RawValue) -> Result<String, Fault> {
    let mut out = String::with_capacity(raw.get().len());
    append(raw, 0, &mut out)?;
    Ok(out)
}

/// Appends the canonical form of a list of texts.
pub(super) fn canonical_list(items: &[&RawValue]) -> Result<String, Fault> {
    let mut out = String::with_capacity(items.iter().map(|i| i.get().len() + 1).sum());
    append_list(items, 0, &mut out)?;
    Ok(out)
}

fn append(raw: &RawValue, depth: u32, out: &mut String) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return Err(Fault::new("", "nested deeper than 64 levels"));
    }
    let text = raw.get();
    let unreadable = |e: serde_json::Error| Fault::new("", e.to_string());
    match text.as_bytes().first() {
        Some(b'{') => {
            let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(text);
            append_object(&fields.map_err(unreadable)?, depth, out)
        }
        Some(b'[') => {
            let items = serde_json::from_str::<Vec<&RawValue>>(text).map_err(unreadable)?;
            append_list(&items, depth, out)
        }
        Some(b'"') => {
            let text = serde_json::from_str::<String>(text).map_err(unreadable)?;
            append_string(&text, out);
            Ok(())
        }
        Some(b'-' | b'0'..=b'9') => {
            append_number(text, out);
            Ok(())
        }
        _ => {
            out.push_str(text); // true, false, null
            Ok(())
        }
    }
}

fn append_object(
    fields: &BTreeMap<String, &RawValue>,
    depth: u32,
    out: &mut String,
) -> Result<(), Fault> {
    out.push('{');
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        append_string(name, out);
        out.push(':');
        append(value, depth + 1, out)?;
    }
    out.push('}');
    Ok(())
}

fn append_list(items: &[&RawValue], depth: u32, out: &mut String) -> Result<(), Fault> {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        append(item, depth + 1, out)?;
    }
    out.push(']');
    Ok(())
}

fn append_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a text is always JSON"));
}

/// An integer keeps its digits; a fraction is printed as Python prints the
/// double it stands for.
fn append_number(literal: &str, out: &mut String) {
    if literal == "-0" {
        return out.push('0');
    }
    if !literal.contains(['.', 'e', 'E']) {
        return out.push_str(literal);
    }
    let value: f64 = literal.parse().unwrap_or(f64::NAN);
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        out.push_str(sign);
        return out.push_str("Infinity");
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("the e format has an exponent");
    let exponent: i32 = exponent.parse().expect("the e format's exponent is whole");
    if (-4..16).contains(&exponent) {
        let plain = value.to_string();
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.push_str(&format!("{digits}e{sign}{:02}", exponent.abs()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, Fault> {
        canonical_text(serde_json::from_str(text).unwrap())
    }

    /// The right side is what Python 3 prints for the left.
    #[test]
    fn a_text_is_canonical_as_python_prints_it() {
        let pairs = [
            (
                r#"{ "b" : 1 , "a" : [ true , null ] }"#,
                r#"{"a":[true,null],"b":1}"#,
            ),
            (
                "\"\\u7ca4\\u0041\\/\\n\\u001f\u{7f}\"",
                "\"粤A/\\n\\u001f\u{7f}\"",
            ),
            ("534520261000123457", "534520261000123457"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (
                "[-0, 1.0, 1E2, 1e16, 0.0001, 0.00001, 5.3452E+17, -0.5]",
                "[0,1.0,100.0,1e+16,0.0001,1e-05,5.3452e+17,-0.5]",
            ),
            (r#"{"k":1,"k":2}"#, r#"{"k":2}"#),
        ];
        for (text, want) in pairs {
            assert_eq!(canonical(text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn a_text_nested_too_deep_is_refused_without_a_stack_overflow() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(canonical(&nested(60)).is_ok());
        assert!(canonical(&nested(100)).is_err());
    }
}
