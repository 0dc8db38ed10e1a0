//! The administrator's token: a secret in a file that only its owner may read.

use crate::output;
use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A token shorter than this could be guessed.
const TOKEN_BYTES_MIN: usize = 32;

/// A token and where it is kept.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) file: PathBuf,
    /// Whether it was made just now.
    pub(crate) is_new: bool,
}

/// The token of a data directory, made if there is none.
///
/// # Errors
/// The file can't be read or written, or holds no token.
pub(crate) fn of(directory: &Path) -> Result<Token> {
    let file = directory.join("admin.token");
    if let Some(text) = read(&file)? {
        return Ok(Token { text, file, is_new: false });
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).context("asking the system for randomness")?;
    let text = output::hex(&secret);
    write(&file, &text).with_context(|| format!("writing {}", file.display()))?;
    Ok(Token { text, file, is_new: true })
}

/// The token in a file; `None` when there is no such file.
///
/// # Errors
/// The file can't be read or holds no token.
pub(crate) fn read(file: &Path) -> Result<Option<String>> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("reading {}", file.display()))?,
    };
    let text = text.trim();
    let is_token = text.len() >= TOKEN_BYTES_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token {
        bail!(
            "{} holds no token: a line of at least {TOKEN_BYTES_MIN} letters and digits; remove the file to have one made",
            file.display()
        );
    }
    Ok(Some(text.to_owned()))
}

/// Writes the whole token or nothing under its name.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = file.with_extension("token.new");
    let mut options = OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    writeln!(out, "{text}")?;
    out.sync_all()?;
    std::fs::rename(&unfinished, file)?;
    file.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let made = of(directory.path()).unwrap();
        assert!(made.is_new && made.text.len() == 64);
        assert_eq!(std::fs::metadata(&made.file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = of(directory.path()).unwrap();
        assert!(!again.is_new && again.text == made.text);
    }

    #[test]
    fn a_file_without_a_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("admin.token"), "short\n").unwrap();
        assert!(of(directory.path()).is_err());
    }
}
