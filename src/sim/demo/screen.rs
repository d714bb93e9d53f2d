//! Where a demonstration is shown: a terminal that is redrawn in place, or
//! plain lines one after the other.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;

/// Used where the terminal does not say how large it is.
const SIZE: (usize, usize) = (100, 30);

/// Colours that differ for every kind of colour vision (Okabe and Ito); each
/// goes with a sign of its own, so that none is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Plain,
    Faint,
    Bold,
    Blue,
    Orange,
    Purple,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Faint => "2",
            Self::Bold => "1",
            Self::Blue => "1;38;5;39",
            Self::Orange => "1;38;5;214",
            Self::Purple => "1;38;5;175",
        }
    }
}

/// A piece of a line.
pub(super) struct Span {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Span {
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Self {
        let text = text.into();
        Self { text, tone }
    }

    /// `text` filled up with blanks, or cut, to `width` columns.
    pub(super) fn column(text: &str, width: usize, tone: Tone) -> Self {
        let mut text = cut(text, width);
        let missing = width.saturating_sub(columns(&text)) + 1;
        text.extend(std::iter::repeat_n(' ', missing));
        Self { text, tone }
    }
}

/// Where it is shown.
#[derive(Debug)]
pub(super) enum Screen {
    Terminal { colours: bool, open: bool },
    Plain,
}

impl Screen {
    /// Standard output: redrawn if it is a terminal and `plain` is not asked for.
    pub(super) fn standard(plain: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if plain || dumb || !io::stdout().is_terminal() {
            return Self::Plain;
        }
        // https://no-color.org: any value that is not empty.
        let colours = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        Self::Terminal {
            colours,
            open: false,
        }
    }

    pub(super) const fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            Ok(_) | Err(_) => SIZE,
        }
    }

    /// Draws a whole picture over the one before; in plain mode nothing.
    pub(super) fn draw(&mut self, lines: &[Vec<Span>]) {
        let size = self.size();
        let Self::Terminal { colours, open } = self else {
            return;
        };
        let mut out = String::new();
        if !*open {
            *open = true;
            // The other screen, without a cursor.
            out.push_str("\x1b[?1049h\x1b[?25l");
        }
        out.push_str("\x1b[H");
        out.push_str(&picture(lines, size, *colours));
        say(&out);
    }

    /// One line that stays.
    pub(super) fn line(&self, spans: &[Span]) {
        let colours = matches!(self, Self::Terminal { colours: true, .. });
        let mut out = render(spans, usize::MAX, colours);
        out.truncate(out.trim_end().len());
        out.push('\n');
        say(&out);
    }

    /// Back to the screen that was there before.
    pub(super) fn close(&mut self) {
        if let Self::Terminal { open, .. } = self
            && std::mem::take(open)
        {
            say("\x1b[?25h\x1b[?1049l");
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

/// Every line to its end, what is below taken away.
fn picture(lines: &[Vec<Span>], (width, height): (usize, usize), colours: bool) -> String {
    let mut out = String::new();
    for (n, line) in lines.iter().take(height).enumerate() {
        if n > 0 {
            out.push_str("\r\n");
        }
        out.push_str(&render(line, width, colours));
        out.push_str("\x1b[K");
    }
    out.push_str("\x1b[J");
    out
}

fn render(spans: &[Span], width: usize, colours: bool) -> String {
    let mut out = String::new();
    let mut left = width;
    for span in spans {
        let text = cut(&span.text, left);
        left -= columns(&text);
        if colours && span.tone != Tone::Plain {
            out.push_str(&format!("\x1b[{}m{text}\x1b[0m", span.tone.code()));
        } else {
            out.push_str(&text);
        }
        // What comes behind a cut would stand in the wrong place.
        if text.len() < span.text.len() {
            break;
        }
    }
    out
}

/// Nobody is left to be shown anything once standard output is closed.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// One line to standard error.
pub(super) fn complain(text: &str) {
    drop(writeln!(io::stderr().lock(), "lanegate: {text}"));
}

/// Columns a text takes; ideographs take two.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

const fn width_of(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' => 2,
        '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' => 2,
        _ => 1,
    }
}

/// As much of `text` as goes into `width` columns.
fn cut(text: &str, width: usize) -> String {
    let mut left = width;
    let fits = |c: &char| {
        let fits = width_of(*c) <= left;
        left = left.saturating_sub(width_of(*c));
        fits
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_it_says_whatever_the_letters() {
        for text in ["", "粤ZAB12港", "conforming", "港港港港港港港港"] {
            let span = Span::column(text, 9, Tone::Plain);
            assert_eq!(columns(&span.text), 10, "{:?}", span.text);
        }
    }

    #[test]
    fn a_picture_never_leaves_the_terminal_and_clears_what_was_there() {
        let line = || vec![Span::new("港港", Tone::Blue), Span::new("abc", Tone::Plain)];
        let drawn = picture(&[line(), line(), line()], (5, 2), true);
        let row = "\x1b[1;38;5;39m港港\x1b[0ma\x1b[K";
        assert_eq!(drawn, format!("{row}\r\n{row}\x1b[J"));
        let plain = picture(&[line()], (3, 9), false);
        assert_eq!(plain, "港\x1b[K\x1b[J");
    }
}
