//! Multipart bodies (RFC 2046) as cameras really send them: boundaries doubled
//! or missing, lengths that are 0 or wrong, parts without a head, in pieces of
//! any size. What ends a part is a line that is the boundary, never a length:
//! pictures may contain anything else, the text of an event included.
//!
//! ```text
//!            boundary            blank line, or no header
//! Between -------------> Head -----------------------------> Body
//!    ^                    | ^--- boundary: empty, noise       |
//!    +---- "--" at its end, or silence -----------------------+
//! ```
//! A damaged part costs itself alone: the next boundary begins anew.

use super::NoiseWhy;

/// Longest line that can be a boundary (RFC 2046 allows 70 characters) or a
/// header worth reading.
const LINE_LEN_MAX: usize = 512;
/// Header lines kept of one part.
const HEADERS_MAX: usize = 16;

/// One part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Part {
    /// `Content-Type`, lower case; empty if the part has none.
    pub content_type: String,
    /// `name` of its `Content-Disposition`.
    pub name: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Bytes beyond what may be kept; the body is cut then.
    pub excess: usize,
}

impl Part {
    /// A picture, or something else that is no text.
    #[must_use]
    pub fn is_picture(&self) -> bool {
        self.content_type.starts_with("image/")
            || self.content_type == "application/octet-stream"
            || self.body.starts_with(&[0xff, 0xd8, 0xff])
    }
}

/// What comes of the bytes, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// A part.
    Part(Part),
    /// Bytes of none.
    Noise(usize, NoiseWhy),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Between,
    Head,
    Body,
}

/// Splits bytes into parts; cut anywhere, they give the same.
#[derive(Clone, Debug)]
pub struct Parts {
    body_max: usize,
    state: State,
    /// The boundary's line without its end, learnt from the first one.
    boundary: Vec<u8>,
    /// The present line as far as it may be a boundary or header.
    line: Vec<u8>,
    /// It is longer, so it is neither.
    long: bool,
    part: Part,
    headers: usize,
    /// What the part under way says of its length; 0 = nothing.
    length: usize,
    /// Bytes of the head so far, its boundary included.
    head_len: usize,
    /// Silence came right behind this boundary: a head may follow it.
    rested: Option<Vec<u8>>,
    noise: usize,
    /// Bytes since the last piece.
    unseen: usize,
}

impl Parts {
    /// Bodies are kept up to `body_max` bytes.
    #[must_use]
    pub fn new(body_max: usize) -> Self {
        Self {
            body_max,
            state: State::Between,
            boundary: Vec::new(),
            line: Vec::new(),
            long: false,
            part: Part::default(),
            headers: 0,
            length: 0,
            head_len: 0,
            rested: None,
            noise: 0,
            unseen: 0,
        }
    }

    /// All parts of a whole message, and what is none.
    #[must_use]
    pub fn of(message: &[u8], body_max: usize) -> Vec<Piece> {
        let (mut parts, mut out) = (Self::new(body_max), Vec::new());
        parts.push(message, &mut out);
        parts.end(&mut out);
        out
    }

    /// A boundary was read before the silence, and its part has not begun.
    pub(super) const fn awaits_part(&self) -> bool {
        self.rested.is_some()
    }

    /// The part under way is as long as it says, or ends as documents of text
    /// do where it does not say; lengths lie, so its end is known only by what
    /// comes next, or by silence.
    pub(super) fn is_whole(&self) -> bool {
        if self.state != State::Body {
            return false;
        }
        let (body, line) = (&self.part.body, &self.line);
        let len = body.len() + self.part.excess + line.len();
        match self.length {
            0 => {
                let end = if line.trim_ascii_end().is_empty() {
                    body
                } else {
                    line
                };
                matches!(end.trim_ascii_end().last(), Some(b'}' | b'>'))
            }
            length => len >= length,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            self.unseen += piece.len();
            self.take(piece);
            if piece.ends_with(b"\n") {
                self.end_line(out);
            }
        }
    }

    /// The message ended, or the line fell silent: a part under way is whole.
    pub fn end(&mut self, out: &mut Vec<Piece>) {
        if !self.line.is_empty() || self.long {
            self.end_line(out);
        }
        match self.state {
            State::Body => self.finish(out),
            State::Head if self.headers > 0 => {
                self.noise += self.head_len;
                self.flush(NoiseWhy::Cut, out);
                self.state = State::Between;
            }
            State::Head => {
                self.state = State::Between;
                self.rested = Some(std::mem::take(&mut self.boundary));
            }
            State::Between => self.flush(NoiseWhy::NoStart, out),
        }
        // A stray line may have been taken for it.
        self.boundary.clear();
        // Blank lines, a lone boundary: not lost unseen either.
        if self.unseen > 0 {
            self.noise += self.unseen;
            self.flush(NoiseWhy::NoStart, out);
        }
    }

    /// Keeps the line in hand while it may be a boundary or header.
    fn take(&mut self, piece: &[u8]) {
        if !self.long && self.line.len() + piece.len() <= LINE_LEN_MAX {
            self.line.extend_from_slice(piece);
            return;
        }
        if !std::mem::replace(&mut self.long, true) {
            let mut line = std::mem::take(&mut self.line);
            // Its first bytes alone decide, however they were cut.
            let known = line.len();
            line.extend_from_slice(&piece[..LINE_LEN_MAX - known]);
            if self.state == State::Head && header(&line).is_none() {
                self.state = State::Body;
            }
            self.spill(&line[..known]);
        }
        self.spill(piece);
    }

    /// Bytes of a line that is no boundary.
    fn spill(&mut self, bytes: &[u8]) {
        match self.state {
            State::Body => self.keep(bytes),
            State::Head => self.head_len += bytes.len(),
            State::Between => self.noise += bytes.len(),
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.body_max.saturating_sub(self.part.body.len());
        let (kept, beyond) = bytes.split_at(bytes.len().min(room));
        self.part.body.extend_from_slice(kept);
        self.part.excess += beyond.len();
    }

    fn end_line(&mut self, out: &mut Vec<Piece>) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.long) {
            return;
        }
        let text = trimmed(&line);
        match self.state {
            State::Between => match self.boundary_at(text) {
                Some(closing) => self.begin(&line, closing, out),
                None if text.is_empty() => {}
                None => match self.rested.take() {
                    Some(boundary) => {
                        self.boundary = boundary;
                        self.begin(&[], false, out);
                        self.head_line(&line, out);
                    }
                    None => self.noise += line.len(),
                },
            },
            State::Head => self.head_line(&line, out),
            State::Body => match self.boundary_at(text) {
                Some(closing) => {
                    self.finish(out);
                    self.begin(&line, closing, out);
                }
                None => self.keep(&line),
            },
        }
    }

    fn head_line(&mut self, line: &[u8], out: &mut Vec<Piece>) {
        let text = trimmed(line);
        if let Some(closing) = self.boundary_at(text) {
            self.noise += self.head_len;
            self.flush(NoiseWhy::Cut, out);
            return self.begin(line, closing, out);
        }
        self.head_len += line.len();
        match header(text) {
            Some((name, value)) if self.headers < HEADERS_MAX => {
                self.headers += 1;
                self.header(name, value.trim());
            }
            // A blank line ends the head; one at its start is a blank more.
            _ if text.is_empty() && self.headers > 0 => self.state = State::Body,
            _ if text.is_empty() => {}
            // A part without a head begins with its body.
            _ => {
                self.state = State::Body;
                self.keep(line);
            }
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("content-type") {
            let kind = value.split(';').next().unwrap_or_default();
            self.part.content_type = kind.trim().to_ascii_lowercase();
        } else if name.eq_ignore_ascii_case("content-length") {
            self.length = value.parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("content-disposition") {
            let named = value
                .split(';')
                .find_map(|p| p.trim().strip_prefix("name="));
            self.part.name = named.unwrap_or_default().trim_matches('"').to_owned();
        }
    }

    /// Whether this line is a boundary, and whether the last one. The first
    /// line that looks like one tells how they look here.
    fn boundary_at(&mut self, text: &[u8]) -> Option<bool> {
        if self.boundary.is_empty() {
            let shaped = text.starts_with(b"--")
                && text.len() > 2
                && text[2..].iter().any(u8::is_ascii_alphanumeric)
                && text.iter().all(u8::is_ascii_graphic);
            if shaped && self.state == State::Between {
                self.boundary = text.strip_suffix(b"--").unwrap_or(text).to_vec();
            }
        }
        let rest = text.strip_prefix(self.boundary.as_slice())?;
        match rest {
            _ if self.boundary.is_empty() => None,
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }

    fn begin(&mut self, line: &[u8], closing: bool, out: &mut Vec<Piece>) {
        self.flush(NoiseWhy::NoStart, out);
        self.part = Part::default();
        self.headers = 0;
        self.length = 0;
        self.head_len = line.len();
        self.rested = None;
        self.state = State::Head;
        if closing {
            self.state = State::Between;
            self.boundary.clear();
        }
    }

    fn finish(&mut self, out: &mut Vec<Piece>) {
        let mut part = std::mem::take(&mut self.part);
        if part.excess == 0 {
            // The line end before a boundary belongs to the boundary.
            part.body.truncate(trimmed(&part.body).len());
        }
        self.state = State::Between;
        self.unseen = 0;
        out.push(Piece::Part(part));
    }

    fn flush(&mut self, why: NoiseWhy, out: &mut Vec<Piece>) {
        let len = std::mem::take(&mut self.noise);
        if len > 0 {
            self.unseen = 0;
            out.push(Piece::Noise(len, why));
        }
    }
}

/// Without its line end.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A header's name and value, if the line begins like one.
fn header(line: &[u8]) -> Option<(&str, &str)> {
    let line = match str::from_utf8(line) {
        Ok(line) => line,
        // A long line cut within a character.
        Err(cut) => str::from_utf8(&line[..cut.valid_up_to()]).ok()?,
    };
    let (name, value) = line.split_once(':')?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (!name.is_empty() && name.bytes().all(token)).then_some((name, value))
}
