//! Recipes of public data sets: where they are, what they weigh, under which licence.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The recipes by name, compiled in.
const RECIPES: [(&str, &str); 6] = [
    ("hillstrom", include_str!("../../../../datasets/recipes/hillstrom.toml")),
    ("movielens-100k", include_str!("../../../../datasets/recipes/movielens-100k.toml")),
    ("movielens-1m", include_str!("../../../../datasets/recipes/movielens-1m.toml")),
    ("online-retail", include_str!("../../../../datasets/recipes/online-retail.toml")),
    ("online-retail-2", include_str!("../../../../datasets/recipes/online-retail-2.toml")),
    ("telco-churn", include_str!("../../../../datasets/recipes/telco-churn.toml")),
];

/// How to get a data set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name in commands.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// Licence as far as known.
    pub licence: String,
    /// Where the licence, or the page that states it, can be read.
    pub licence_address: String,
    /// Whom to cite.
    pub citation: String,
    /// Where it comes from and what is done to it.
    pub conversion: String,
    /// What to do next so that a job can read it: commands, one per line.
    pub next: String,
    /// What the folder holds afterwards.
    pub file: Vec<RecipeFile>,
}

/// One file of a data set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeFile {
    /// Name in the folder.
    pub name: String,
    /// Where it is; `{}` stands for each of the parts in turn.
    pub address: String,
    /// The parts it is joined from, in order: text files with the same header line, which is kept once.
    #[serde(default)]
    pub parts: Vec<String>,
    /// SHA-256 of the whole file in hexadecimal digits.
    pub sha256: String,
    /// Length of the whole file in bytes.
    pub bytes: u64,
}

impl RecipeFile {
    /// The addresses to get, in order.
    pub fn addresses(&self) -> Vec<String> {
        if self.parts.is_empty() {
            return vec![self.address.clone()];
        }
        self.parts.iter().map(|part| self.address.replace("{}", part)).collect()
    }
}

/// The recipe of that name.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<Recipe> {
    let known = RECIPES.iter().find(|(known, _)| *known == name);
    let (_, text) = known.with_context(|| {
        let names = RECIPES.map(|(name, _)| name).join(", ");
        format!("there is no recipe \"{name}\"; there are {names}")
    })?;
    parse(text).with_context(|| format!("the recipe {name}"))
}

/// Every recipe, by name.
///
/// # Errors
/// When one can't be read, which a test excludes.
pub fn all() -> Result<Vec<Recipe>> {
    RECIPES.iter().map(|(name, _)| find(name)).collect()
}

fn parse(text: &str) -> Result<Recipe> {
    let recipe: Recipe = toml::from_str(text)?;
    for file in &recipe.file {
        let RecipeFile { name, address, parts, sha256, .. } = file;
        ensure!(!name.is_empty() && !name.contains(['/', '\\']), "file name \"{name}\" must be a plain name");
        ensure!(
            sha256.len() == 64 && sha256.bytes().all(is_lower_hex),
            "{name}: sha256 must be 64 digits 0-9a-f"
        );
        ensure!(parts.is_empty() != address.contains("{}"), "{name}: `{{}}` in the address goes with parts");
    }
    Ok(recipe)
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_is_whole_and_named_as_it_is_filed() {
        let recipes = all().unwrap();
        for (recipe, (name, _)) in recipes.iter().zip(RECIPES) {
            assert_eq!(recipe.name, name);
            assert!(!recipe.file.is_empty() && recipe.licence_address.starts_with("https://"), "{name}");
            assert!(recipe.file.iter().all(|file| file.address.starts_with("https://")), "{name}");
            assert!(recipe.next.contains("bespoke init"), "{name}");
        }
        assert!(RECIPES.is_sorted());
        let retail = &find("online-retail").unwrap().file[0];
        assert_eq!(retail.addresses().len(), 305);
        assert!(retail.addresses()[304].ends_with("/2011-12-09.csv"));
    }

    #[test]
    fn an_unknown_name_lists_those_there_are() {
        let error = find("netflix").unwrap_err().to_string();
        assert!(error.starts_with("there is no recipe \"netflix\"; there are hillstrom, "), "{error}");
    }

    #[test]
    fn a_wrong_recipe_is_refused() {
        let head = ["name", "title", "licence", "licence_address", "citation", "conversion", "next"]
            .map(|key| format!("{key} = \"a\"\n"))
            .concat();
        let hash = "sha256 = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n";
        let good = format!("{head}[[file]]\nname = \"a\"\naddress = \"http://a\"\nbytes = 1\n{hash}");
        assert!(parse(&good).is_ok());
        let error = parse(&good.replace("0123", "ABCD")).unwrap_err().to_string();
        assert!(error.contains("a: sha256 must be 64 digits 0-9a-f"), "{error}");
        let error = format!("{:#}", parse(&good.replace(hash, "")).unwrap_err());
        assert!(error.contains("missing field `sha256`"), "{error}");
        for (line, says) in [
            ("parts = [\"1\"]", "a: `{}` in the address goes with parts"),
            ("size = 1", "unknown field `size`"),
        ] {
            let error = format!("{:#}", parse(&format!("{good}{line}\n")).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
        let error = parse(&good.replace("[[file]]\nname = \"a\"", "[[file]]\nname = \"../a\"")).unwrap_err();
        assert!(error.to_string().contains("must be a plain name"), "{error}");
    }
}
