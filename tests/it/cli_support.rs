//! A directory with a controller's files, and the binary run in it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A controller's directory; gone when dropped.
pub(crate) struct Site(PathBuf);

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let said = self.out.contains(text) || self.err.contains(text);
        assert!(said, "{text:?} is not said: {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.out.trim_end()).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Site {
    /// With the developer's lane and the shipped policy.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lanegate-cli-{}-{n}", std::process::id());
        let site = Self(std::env::temp_dir().join(name));
        fs::create_dir(&site.0).unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        for (from, to) in [
            ("lane.dev.toml", "lane.toml"),
            ("policy.toml", "policy.toml"),
        ] {
            fs::copy(shipped.join(from), site.path(to)).unwrap();
        }
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The state directory the configuration names.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("dev/state")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces `from`, which must be there, in a file.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{from:?} is not in {name}");
        self.write(name, text.replace(from, to));
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_on(args, "")
    }

    pub(crate) fn run_on(&self, args: &[&str], input: &str) -> Ran {
        self.run_with(args, input.as_bytes())
    }

    /// The same with input that may be no text.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lanegate"))
            .args(args)
            .current_dir(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who does not read its input has closed it.
        drop(stdin.write_all(input));
        drop(stdin);
        child.wait_with_output().unwrap().into()
    }

    /// `declarations <args> --config lane.toml`.
    pub(crate) fn declarations(&self, args: &[&str]) -> Ran {
        let all: Vec<&str> = ["declarations"]
            .iter()
            .chain(args)
            .chain(&["--config", "lane.toml"])
            .copied()
            .collect();
        self.run(&all)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// One line of a file of declarations, valid for decades.
pub(crate) fn declaration(id: &str, version: u32) -> String {
    declaration_until(id, version, "2099-01-01T00:00:00+08:00")
}

pub(crate) fn declaration_until(id: &str, version: u32, until: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"form\":\"rmft\",\"version\":{version},\"status\":\"released\",\
         \"direction\":\"export\",\"port\":\"5345\",\"enterprise\":\"4403161234\",\
         \"class\":\"advanced\",\"vehicles\":[{{\"plates\":[\"粤ZAB12港\"],\"tare_kg\":8600}}],\
         \"load\":\"empty\",\"goods_gross_kg\":0,\"valid_from\":\"2020-01-01T00:00:00+08:00\",\
         \"valid_until\":\"{until}\",\"binding\":{{\"kind\":\"single\"}}}}\n"
    )
}
