//! Topic names and topic filters (MQTT 3.1.1 section 4.7).

/// Longest topic or filter; the protocol would allow 65,535 bytes.
const LENGTH_MAX: usize = 1024;

/// Whether `topic` may be published to.
pub(super) fn is_topic(topic: &str) -> bool {
    fits(topic) && !topic.contains(['+', '#'])
}

/// Whether `filter` may be subscribed to: `+` fills a level, `#` the last one.
pub(super) fn is_filter(filter: &str) -> bool {
    let levels = filter.split('/').count();
    let level_is_right = |(n, level): (usize, &str)| match level {
        "+" => true,
        "#" => n + 1 == levels,
        text => !text.contains(['+', '#']),
    };
    fits(filter) && filter.split('/').enumerate().all(level_is_right)
}

/// Whether a message to `topic` goes to a subscriber of `filter`. Wildcards
/// do not match a first level that begins with `$` (4.7.2).
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        // `#` also matches the level above it: a/# matches a.
        if wanted == "#" {
            return true;
        }
        match levels.next() {
            Some(level) if wanted == "+" || wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

fn fits(text: &str) -> bool {
    !text.is_empty() && text.len() <= LENGTH_MAX && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_the_standard_s_examples_say() {
        // 4.7.1.2 and 4.7.1.3.
        for (filter, topic) in [
            ("sport/tennis/player1/#", "sport/tennis/player1"),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
            ),
            ("sport/#", "sport"),
            ("#", "a/b"),
            ("sport/tennis/+", "sport/tennis/player1"),
            ("sport/+", "sport/"),
            ("+/+", "/finance"),
            ("/+", "/finance"),
            ("$SYS/#", "$SYS/monitor"),
            ("深圳/+", "深圳/湾"),
        ] {
            assert!(matches(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in [
            ("sport/tennis/+", "sport/tennis/player1/ranking"),
            ("sport/+", "sport"),
            ("+", "/finance"),
            ("a/b", "a/bc"),
            ("a/b/c", "a/b"),
            ("#", "$SYS/monitor"),
            ("+/monitor", "$SYS/monitor"),
        ] {
            assert!(!matches(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn misplaced_wildcards_make_no_filter_and_no_topic() {
        for right in ["#", "+", "a/+/b", "a/#", "/", "+/#"] {
            assert!(is_filter(right), "{right}");
        }
        for wrong in ["", "a#", "a/#/b", "a+", "a/+b", "a\0b"] {
            assert!(!is_filter(wrong), "{wrong}");
        }
        assert!(is_topic("粤/a"));
        for wrong in ["", "a/+", "#", "a\0"] {
            assert!(!is_topic(wrong), "{wrong}");
        }
    }
}
