//! One page of Markdown: its fenced blocks, code in its lines, links, headings.

use std::collections::BTreeSet;

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// Line of its fence.
    pub(crate) line: usize,
    /// What stands behind the fence: `sh`, `text`, `toml`, nothing.
    pub(crate) kind: String,
    pub(crate) text: String,
    /// What `<!-- run by … -->` in the line above says.
    pub(crate) mark: Option<String>,
    /// Stands right behind the block before, with nothing between.
    pub(crate) follows: bool,
}

impl Block {
    /// Runs as a test, among the others of its page.
    pub(crate) fn is_run_here(&self) -> bool {
        self.kind == "sh" && self.mark.is_none()
    }
}

#[derive(Debug)]
pub(crate) struct Page {
    /// From the root.
    pub(crate) path: String,
    pub(crate) blocks: Vec<Block>,
    /// Code within lines, with the line's number.
    pub(crate) spans: Vec<(usize, String)>,
    pub(crate) links: Vec<(usize, String)>,
    /// Names of headings, as a link writes them.
    pub(crate) anchors: BTreeSet<String>,
}

impl Page {
    pub(crate) fn read(path: &str, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            blocks: Vec::new(),
            spans: Vec::new(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let mut open: Option<(Block, usize)> = None;
        let mut mark = None;
        // Nothing but empty lines since the last block.
        let mut follows = false;
        for (i, line) in text.lines().enumerate() {
            let (n, bare) = (i + 1, line.trim_start());
            let fence = bare.strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(kind)) => {
                    let block = Block {
                        line: n,
                        kind: kind.trim().to_owned(),
                        text: String::new(),
                        mark: mark.take(),
                        follows,
                    };
                    open = Some((block, line.len() - bare.len()));
                }
                (Some((block, indent)), None) => {
                    block.text.push_str(line.get(*indent..).unwrap_or(bare));
                    block.text.push('\n');
                }
                (Some(_), Some(_)) => {
                    page.blocks.extend(open.take().map(|(block, _)| block));
                    follows = true;
                }
                (None, None) => {
                    follows &= bare.is_empty();
                    let said = bare.strip_prefix("<!-- run by ");
                    mark = said
                        .and_then(|said| said.strip_suffix(" -->"))
                        .map(str::to_owned);
                    page.line(n, bare);
                }
            }
        }
        assert!(open.is_none(), "{path}: a block does not end");
        page
    }

    fn line(&mut self, n: usize, line: &str) {
        if let Some(heading) = line.strip_prefix('#') {
            self.anchors.insert(anchor(heading.trim_start_matches('#')));
        }
        // Every second piece between back-ticks is code.
        let pieces: Vec<&str> = line.split('`').collect();
        let code = pieces
            .iter()
            .skip(1)
            .step_by(2)
            .take((pieces.len() - 1) / 2);
        self.spans.extend(code.map(|code| (n, (*code).to_owned())));
        let mut rest = line;
        while let Some((_, behind)) = rest.split_once("](") {
            let Some((link, behind)) = behind.split_once(')') else {
                break;
            };
            self.links.push((n, link.to_owned()));
            rest = behind;
        }
    }
}

/// As mdBook and code hosts name a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        other if other.is_alphanumeric() => Some(other.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn a_page_is_taken_apart() {
    let text = "# The `x` of y, z\n\nsee [a](b.md#c) and `lanegate status`.\n\n\
                <!-- run by .ci/run: why -->\n```sh\nfirst\n  second\n```\n\n```text\nout\n```\n\
                words\n   ```sh\n   third\n   ```\n";
    let page = Page::read("docs/a.md", text);
    let blocks: Vec<_> = page
        .blocks
        .iter()
        .map(|b| (b.line, b.kind.as_str(), b.text.as_str(), b.follows))
        .collect();
    assert_eq!(
        blocks,
        [
            (6, "sh", "first\n  second\n", false),
            (11, "text", "out\n", true),
            (15, "sh", "third\n", false)
        ]
    );
    assert_eq!(page.blocks[0].mark.as_deref(), Some(".ci/run: why"));
    assert!(page.blocks[2].is_run_here() && !page.blocks[0].is_run_here());
    assert_eq!(page.links, [(3, "b.md#c".to_owned())]);
    assert_eq!(page.spans[1], (3, "lanegate status".to_owned()));
    assert!(page.anchors.contains("the-x-of-y-z"), "{:?}", page.anchors);
}
