//! What the API says of itself.

use serde_json::{Value, json};

/// A description and what it promises of answers.
pub struct Described(Value);

impl Described {
    pub fn new(description: Value) -> Self {
        Self(description)
    }

    /// Every method and path.
    pub fn operations(&self) -> Vec<(String, String)> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        paths
            .flat_map(|(path, item)| {
                let methods = item.as_object().into_iter().flatten();
                methods.map(move |(method, _)| (method.clone(), path.clone()))
            })
            .collect()
    }

    pub fn is_json(media: &str) -> bool {
        essence(media).ends_with("json")
    }

    /// Checks that an answer in JSON is as the operation's description has it.
    pub fn check(
        &self,
        method: &str,
        path: &str,
        status: &str,
        media: &str,
        body: &Value,
    ) -> Result<(), String> {
        let responses = &self.0["paths"][path][method]["responses"];
        let response = responses.get(status).unwrap_or(&responses["default"]);
        let schema = response["content"]
            .get(essence(media))
            .and_then(|content| content.get("schema"))
            .ok_or_else(|| format!("{method} {path}: {status} in {media} is not described"))?;
        // References point into the components, wherever the schema stands.
        let whole = json!({ "allOf": [schema], "components": self.0["components"] });
        let validator = jsonschema::validator_for(&whole).map_err(|error| error.to_string())?;
        let errors: Vec<String> = validator
            .iter_errors(body)
            .map(|error| error.to_string())
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(format!("{method} {path}: {errors:?} in {body}"))
        }
    }
}

/// A media type without its parameters.
fn essence(media: &str) -> &str {
    media.split(';').next().unwrap_or_default().trim()
}
