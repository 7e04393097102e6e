//! The documentation leads nowhere that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cryptlet_fabric::Binding;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Markdown of the book, by its path below `docs/`.
fn pages() -> Result<BTreeSet<PathBuf>> {
    let docs = Path::new(ROOT).join("docs");
    let mut pages = BTreeSet::new();
    let mut folders = vec![docs.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.insert(path.strip_prefix(&docs)?.to_owned());
            }
        }
    }
    Ok(pages)
}

/// Targets of `[text](target)`, outside of fenced blocks.
fn links(markdown: &str) -> Vec<String> {
    let mut inside = false;
    let prose: String = markdown
        .lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            inside ^= fence;
            !inside && !fence
        })
        .collect::<Vec<_>>()
        .join("\n");
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// What `#…` of a link may name: headings, as GitHub and mdbook spell them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let spelled = |heading: &str| -> String {
        heading
            .trim()
            .to_lowercase()
            .chars()
            .filter_map(|letter| match letter {
                ' ' => Some('-'),
                '-' | '_' => Some(letter),
                letter if letter.is_alphanumeric() => Some(letter),
                _ => None,
            })
            .collect()
    };
    markdown
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| spelled(line.trim_start_matches('#')))
        .collect()
}

/// What is wrong with a link of the document at `path`.
fn mistake(path: &Path, target: &str) -> Result<Option<String>> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(None);
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let aim = match file {
        "" => path.to_owned(),
        file => path.parent().unwrap_or(Path::new("")).join(file),
    };
    if !aim.exists() {
        return Ok(Some(format!("{} is not there", aim.display())));
    }
    if anchor.is_empty() || aim.extension().is_none_or(|extension| extension != "md") {
        return Ok(None);
    }
    let known = anchors(&fs::read_to_string(&aim)?);
    Ok((!known.contains(anchor)).then(|| format!("{} has no #{anchor}", aim.display())))
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let root = Path::new(ROOT);
    let mut documents: Vec<_> = pages()?
        .into_iter()
        .map(|page| root.join("docs").join(page))
        .collect();
    documents.push(root.join("README.md"));
    let mut mistakes = Vec::new();
    let mut checked = 0;
    for document in documents {
        let markdown = fs::read_to_string(&document)
            .with_context(|| format!("cannot read {}", document.display()))?;
        for target in links(&markdown) {
            checked += 1;
            if let Some(mistake) = mistake(&document, &target)? {
                mistakes.push(format!("{}: ({target}) {mistake}", document.display()));
            }
        }
    }
    assert!(checked > 20, "only {checked} links were found");
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    Ok(())
}

#[test]
fn the_summary_lists_every_page_once() -> Result<()> {
    let summary = fs::read_to_string(Path::new(ROOT).join("docs/SUMMARY.md"))?;
    let mut listed = BTreeSet::new();
    for target in links(&summary) {
        assert!(
            listed.insert(PathBuf::from(&target)),
            "docs/SUMMARY.md lists {target} twice"
        );
    }
    let mut pages = pages()?;
    pages.remove(Path::new("SUMMARY.md"));
    assert_eq!(listed, pages);
    Ok(())
}

#[test]
fn the_binding_that_the_guide_shows_is_accepted() -> Result<()> {
    let guide = fs::read_to_string(Path::new(ROOT).join("docs/guides/binding.md"))?;
    let (_, rest) = guide.split_once("```toml\n").context("there is one")?;
    let (document, _) = rest.split_once("```").context("the block ends")?;

    let binding = Binding::parse("docs/guides/binding.md", document)?;

    // A page that explains every key shows those that may be left out, too.
    assert!(!binding.triggers.messages.is_empty());
    assert!(binding.grants.limits.is_some() && binding.contract.max_fee > 0);
    assert!(!binding.sources["exchange-rate"].grants.http.is_empty());
    Ok(())
}

#[test]
fn links_and_headings_are_read_as_a_browser_reads_them() {
    let markdown = "# Hash `of` it, 2!\n[a](b.md#c) and ![d\ne](f.svg)\n```\n[no](link)\n```\n";

    assert_eq!(links(markdown), ["b.md#c", "f.svg"]);
    assert!(anchors(markdown).contains("hash-of-it-2"));
}
