//! `[[hooks]]` of the configuration: where other systems post their documents.
//!
//! ```toml
//! [[hooks]]
//! name = "shopify"                     # POST /v1/hooks/shopify
//! mapping = "examples/shopify.toml"    # relative to this file
//! signature = "shopify"                # or "woocommerce", "standard_webhooks", "github", "none"
//! secret_file = "shopify.secret"       # or secret_env = "SHOPIFY_SECRET"
//! ```

use crate::failure::Usage;
use anyhow::{Context, Result};
use edge::connect::{Hook, Scheme, Signature};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wire::mapping::{Mapping, MappingFile};

/// One hook as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookFile {
    name: String,
    mapping: PathBuf,
    signature: SignatureKind,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
}

/// How the sender of a hook is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SignatureKind {
    Shopify,
    Woocommerce,
    StandardWebhooks,
    Github,
    None,
}

impl SignatureKind {
    const fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Shopify => Some(Scheme::Shopify),
            Self::Woocommerce => Some(Scheme::WooCommerce),
            Self::StandardWebhooks => Some(Scheme::StandardWebhooks),
            Self::Github => Some(Scheme::Github),
            Self::None => None,
        }
    }
}

/// Reads the mappings and secrets of hooks. Relative paths are from `base`, where the configuration file is.
///
/// # Errors
/// Everything that is wrong with the hooks and their mappings, a line each.
pub(crate) fn load(files: &[HookFile], base: &Path) -> Result<Arc<[Hook]>> {
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    let mut hooks = Vec::new();
    for file in files {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if file.name.is_empty() || file.name.len() > 100 || !file.name.bytes().all(plain) {
            faults.push(format!("hooks: the name '{}' must be letters, digits, '-' or '_'", file.name));
        } else if !names.insert(&file.name) {
            faults.push(format!("hooks: two are called '{}'; each needs a name of its own", file.name));
        }
        let told = |error: anyhow::Error| format!("hooks.{}: {error:#}", file.name);
        let signature = file.signature(base).map_err(told);
        let mapping = mapping(&base.join(&file.mapping)).map_err(told);
        match (signature, mapping) {
            (Ok(signature), Ok(mapping)) => {
                hooks.push(Hook { name: file.name.as_str().into(), mapping: Arc::new(mapping), signature });
            }
            (signature, mapping) => faults.extend([signature.err(), mapping.err()].into_iter().flatten()),
        }
    }
    if faults.is_empty() { Ok(hooks.into()) } else { Err(Usage(faults.join("\n")).into()) }
}

impl HookFile {
    fn signature(&self, base: &Path) -> Result<Option<Signature>> {
        let Some(scheme) = self.signature.scheme() else {
            anyhow::ensure!(
                self.secret_file.is_none() && self.secret_env.is_none(),
                "a secret is given, but signature is \"none\"; name the scheme or leave the secret out"
            );
            return Ok(None);
        };
        let secret = secret(self.secret_file.as_deref(), self.secret_env.as_deref(), base)?;
        Signature::new(scheme, &secret).map(Some).map_err(anyhow::Error::msg)
    }
}

/// A secret from a file or a variable of the environment; exactly one of them is named.
///
/// # Errors
/// Both or none are named, or it can't be read.
pub(crate) fn secret(file: Option<&Path>, variable: Option<&str>, base: &Path) -> Result<String> {
    match (file, variable) {
        (Some(file), None) => {
            let file = base.join(file);
            std::fs::read_to_string(&file).with_context(|| format!("reading the secret in {}", file.display()))
        }
        (None, Some(name)) => {
            std::env::var(name).with_context(|| format!("the secret should be in the variable {name}; set it"))
        }
        _ => anyhow::bail!("name the secret's place: either secret_file or secret_env"),
    }
}

/// A mapping in a TOML file.
///
/// # Errors
/// It can't be read, or everything that is wrong with it.
pub(crate) fn mapping(path: &Path) -> Result<Mapping> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let file: MappingFile =
        toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {}", path.display(), error.to_string().trim()))?;
    Mapping::new(&file).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigFile;

    const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

    fn load_text(text: &str, base: &Path) -> Result<Arc<[Hook]>> {
        let file: ConfigFile = toml::from_str(text).unwrap();
        load(&file.hooks, base)
    }

    #[test]
    fn hooks_are_read_with_their_mapping_and_secret() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), "hush\n").unwrap();
        let text = format!(
            "[[hooks]]\nname = 'shopify'\nmapping = '{EXAMPLES}/shopify.toml'\nsignature = 'shopify'\nsecret_file = 'secret'\n\
             [[hooks]]\nname = 'shop'\nmapping = '{EXAMPLES}/woocommerce.toml'\nsignature = 'none'\n"
        );
        let hooks = load_text(&text, directory.path()).unwrap();
        assert_eq!(hooks.len(), 2);
        assert_eq!(hooks[0].signature.as_ref().unwrap().scheme(), Scheme::Shopify);
        assert!(hooks[1].signature.is_none());
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("bad.toml"), "name = 'a'\n[[rules]]\nname = 'r'\n").unwrap();
        let text = "[[hooks]]\nname = 'a b'\nmapping = 'none.toml'\nsignature = 'github'\n\
             [[hooks]]\nname = 'c'\nmapping = 'bad.toml'\nsignature = 'none'\nsecret_env = 'X'\n";
        let error = load_text(text, directory.path()).unwrap_err();
        assert!(error.is::<Usage>());
        let told = error.to_string();
        for expect in [
            "the name 'a b' must be",
            "hooks.a b: name the secret's place: either secret_file or secret_env",
            "none.toml",
            "hooks.c: a secret is given",
            "bad.toml: document_id: is missing",
            "bad.toml: rules[0]: gives its events no 'timestamp'",
        ] {
            assert!(told.contains(expect), "{expect}\n{told}");
        }
        let unknown = toml::from_str::<ConfigFile>("[[hooks]]\nname = 'a'\nmaping = 'x'").unwrap_err().to_string();
        assert!(unknown.contains("unknown field `maping`"), "{unknown}");
    }
}
