//! The SDK as it goes into a project: sources as they are, and Cargo.tomls that stand by
//! themselves, with the versions of this workspace.

use include_dir::{Dir, include_dir};
use toml::{Table, Value};

use super::scaffold::texts;

static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk/src");
static MACROS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk/macros/src");
const FABRIC: &str = include_str!("../../../../wit/fabric.wit");
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const SDK_MANIFEST: &str = include_str!("../../../../guest-sdk/Cargo.toml");
const MACROS_MANIFEST: &str = include_str!("../../../../guest-sdk/macros/Cargo.toml");

/// Every file of the SDK, by its path below `vendor/`.
pub fn sdk() -> Vec<(String, String)> {
    let workspace = table(WORKSPACE);
    let mut files = vec![
        (
            "cryptlet-sdk/Cargo.toml".to_owned(),
            standing_alone(SDK_MANIFEST, &workspace),
        ),
        (
            "cryptlet-sdk-macros/Cargo.toml".to_owned(),
            standing_alone(MACROS_MANIFEST, &workspace),
        ),
    ];
    files.push(("cryptlet-sdk/wit/fabric.wit".to_owned(), FABRIC.to_owned()));
    for (folder, name) in [
        (&SDK, "cryptlet-sdk/src"),
        (&MACROS, "cryptlet-sdk-macros/src"),
    ] {
        texts(folder, &mut |path, text| {
            files.push((format!("{name}/{path}"), text.to_owned()));
        });
    }
    files
}

/// The manifest without a word that only this workspace explains, and without what only our own
/// tests need.
fn standing_alone(manifest: &str, workspace: &Table) -> String {
    let mut manifest = table(manifest);
    let shared = workspace["workspace"]["package"]
        .as_table()
        .expect("the workspace shares its packages' keys");
    let package = section(&mut manifest, "package");
    for key in ["include", "readme"] {
        // What only matters to a registry.
        package.remove(key);
    }
    for (key, value) in package.iter_mut() {
        if is_inherited(value) {
            *value = shared[key].clone();
        }
    }
    manifest.remove("dev-dependencies");
    resolve(section(&mut manifest, "dependencies"), workspace);
    if let Some(Value::Table(targets)) = manifest.get_mut("target") {
        for (_, target) in targets.iter_mut() {
            let target = target.as_table_mut().expect("a target is a table");
            resolve(section(target, "dependencies"), workspace);
        }
    }
    format!(
        "# Made by `cryptlet new`; replace the whole folder to take another version.\n{manifest}"
    )
}

fn resolve(dependencies: &mut Table, workspace: &Table) {
    let shared = &workspace["workspace"]["dependencies"];
    for (name, value) in dependencies.iter_mut() {
        if !is_inherited(value) {
            continue;
        }
        *value = match &shared[name] {
            Value::Table(ours) if ours.contains_key("path") => {
                Table::from_iter([("path".to_owned(), format!("../{name}").into())]).into()
            }
            other => other.clone(),
        };
    }
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

fn section<'a>(table: &'a mut Table, name: &str) -> &'a mut Table {
    table
        .get_mut(name)
        .and_then(Value::as_table_mut)
        .expect("the SDK's manifests have it")
}

fn table(text: &str) -> Table {
    text.parse().expect("the workspace's manifests are TOML")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendored(path: &str) -> Table {
        let files = sdk();
        let (_, text) = files.iter().find(|(name, _)| name == path).unwrap();
        table(text)
    }

    #[test]
    fn the_manifests_stand_alone_with_the_versions_of_the_workspace() {
        let sdk = vendored("cryptlet-sdk/Cargo.toml");
        assert!(!sdk.to_string().contains("workspace"), "{sdk}");
        assert!(sdk.get("dev-dependencies").is_none());
        assert_eq!(
            sdk["dependencies"]["cryptlet-sdk-macros"]["path"].as_str(),
            Some("../cryptlet-sdk-macros")
        );
        let ours = &table(WORKSPACE)["workspace"]["dependencies"];
        for name in ["ruint", "serde", "serde_json", "thiserror"] {
            assert_eq!(sdk["dependencies"][name], ours[name]);
        }
        let wasm = &sdk["target"]["cfg(target_family = \"wasm\")"]["dependencies"];
        assert_eq!(wasm["wit-bindgen"], ours["wit-bindgen"]);

        let macros = vendored("cryptlet-sdk-macros/Cargo.toml");
        assert!(!macros.to_string().contains("workspace"), "{macros}");
        assert_eq!(macros["lib"]["proc-macro"].as_bool(), Some(true));
        assert_eq!(macros["package"]["edition"].as_str(), Some("2024"));
    }

    #[test]
    fn the_wit_package_lies_where_the_sdk_looks_for_it() {
        let files = sdk();
        assert!(
            files
                .iter()
                .any(|(path, _)| path == "cryptlet-sdk/wit/fabric.wit")
        );
        let sandbox = SDK.get_file("host/sandbox.rs").unwrap();
        assert!(sandbox.contents_utf8().unwrap().contains("path: \"wit\""));
    }
}
