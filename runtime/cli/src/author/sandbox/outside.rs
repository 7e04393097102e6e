//! What a run here gets from outside the sandbox: files, and the network only where it is asked
//! for by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cryptlet_attest::digest;
use cryptlet_container::{
    BuildError, DirectoryEntry, EncodedCall, FileError, FileStatus, HttpError, HttpGrant,
    HttpLimits, HttpRequest, HttpResponse, KeyAlgorithm, KeyError, Opened, PublicKey, Services,
    SubmissionStatus,
};
use cryptlet_fabric::{Directories, Web};
use cryptlet_schema::Message;
use ed25519_dalek::{Signer, SigningKey};
use url::Url;

use super::BINDING;

/// A file that stands for a page: `[SOURCE:]GRANT/PATH=FILE`.
#[derive(Clone, Debug)]
pub struct GivenPage {
    /// Whose grant, if it is a source's.
    pub source: Option<String>,
    /// The grant's name.
    pub grant: String,
    /// The path below it.
    pub path: String,
    /// What is there.
    pub body: Vec<u8>,
}

/// A real place that a grant stands for: `[SOURCE:]GRANT=URL`.
#[derive(Clone, Debug)]
pub struct GivenSite {
    /// Whose grant, if it is a source's.
    pub source: Option<String>,
    /// The grant's name.
    pub grant: String,
    /// Where it leads.
    pub base: Url,
}

/// Everything outside of the sandbox.
pub struct Outside {
    actions: Vec<Message>,
    pages: BTreeMap<String, Vec<u8>>,
    bases: BTreeMap<(Option<String>, String), Url>,
    web: Option<Arc<dyn Web>>,
    directories: Directories,
    /// Pages that were asked for and are not there.
    missed: Mutex<Vec<String>>,
}

impl Outside {
    /// Pages come first, then sites; what no page and no site covers is not there.
    ///
    /// # Errors
    ///
    /// A page has an impossible address.
    pub fn new(
        actions: &[Message],
        pages: Vec<GivenPage>,
        sites: Vec<GivenSite>,
        web: Option<Arc<dyn Web>>,
    ) -> Result<Self, String> {
        let mut bases = BTreeMap::new();
        for site in sites {
            bases.insert((site.source, site.grant), site.base);
        }
        let mut bodies = BTreeMap::new();
        for page in pages {
            let GivenPage {
                source,
                grant,
                path,
                body,
            } = page;
            let place = (source, grant);
            let base = match bases.get(&place) {
                Some(base) => base.clone(),
                None => nowhere(&place)?,
            };
            let url = format!("{}/{path}", base.as_str().trim_end_matches('/'));
            let url = Url::parse(&url).map_err(|error| format!("page {path}: {error}"))?;
            bodies.insert(url.into(), body);
            bases.insert(place, base);
        }
        Ok(Self {
            actions: actions.to_vec(),
            pages: bodies,
            bases,
            web,
            directories: Directories::default(),
            missed: Mutex::default(),
        })
    }

    /// With these directories, which a run may read.
    #[must_use]
    pub fn with_directories(mut self, directories: Directories) -> Self {
        self.directories = directories;
        self
    }

    /// The HTTP grants of the cryptlet itself, or of one of its sources.
    pub fn grants(&self, source: Option<&str>) -> BTreeMap<String, HttpGrant> {
        let mut grants: BTreeMap<String, HttpGrant> = self
            .bases
            .iter()
            .filter(|((owner, _), _)| owner.as_deref() == source)
            .map(|((_, name), base)| (name.clone(), HttpGrant::reading(base.clone())))
            .collect();
        if grants.is_empty() {
            // Some grant must be there for a cryptlet that asks for HTTP; this one leads nowhere.
            let base = Url::parse("http://nothing.invalid/").expect("it is a URL");
            grants.insert("nothing".to_owned(), HttpGrant::reading(base));
        }
        grants
    }

    /// What was fetched and is not there, for a person to know.
    pub fn missed(&self) -> Vec<String> {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missed = missed.clone();
        missed.sort();
        missed.dedup();
        missed
    }
}

/// The base of a grant that only pages stand behind. No name under `invalid` ever resolves
/// (RFC 2606).
fn nowhere((source, grant): &(Option<String>, String)) -> Result<Url, String> {
    let host = match source {
        Some(source) => format!("{grant}.{source}"),
        None => grant.clone(),
    };
    Url::parse(&format!("http://{host}.invalid/"))
        .map_err(|error| format!("grant `{grant}` cannot be a name: {error}"))
}

impl Services for Outside {
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError> {
        if let Some(body) = self.pages.get(&request.url) {
            return Ok(HttpResponse {
                status: 200,
                headers: Vec::new(),
                body: if request.method == "HEAD" {
                    Vec::new()
                } else {
                    body.clone()
                },
            });
        }
        let is_real = Url::parse(&request.url).is_ok_and(|url| {
            !url.host_str()
                .is_some_and(|host| host.ends_with(".invalid"))
        });
        match &self.web {
            Some(web) if is_real => web.fetch(request, limits),
            _ => {
                let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
                missed.push(request.url.clone());
                Ok(HttpResponse {
                    status: 404,
                    headers: Vec::new(),
                    body: Vec::new(),
                })
            }
        }
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        cryptlet_fabric::encode_call(&self.actions, action, fields)
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        1
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        Ok(PublicKey {
            algorithm: KeyAlgorithm::Ed25519,
            bytes: signing_key(key).verifying_key().to_bytes().to_vec(),
        })
    }

    fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let message = cryptlet_vault::guest_message(&BINDING, message);
        Ok(signing_key(key).sign(&message).to_bytes().to_vec())
    }

    fn open_file(&self, directory: &str, path: &str, most_bytes: u64) -> Result<Opened, FileError> {
        self.directories.open_file(directory, path, most_bytes)
    }

    fn file_status(&self, directory: &str, path: &str) -> Result<FileStatus, FileError> {
        self.directories.file_status(directory, path)
    }

    fn list_directory(
        &self,
        directory: &str,
        path: &str,
        most_bytes: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        self.directories.list_directory(directory, path, most_bytes)
    }
}

/// A key that guards nothing: everybody can derive it from its name, and each run has the same.
fn signing_key(name: &str) -> SigningKey {
    let seed = digest("cryptlet key of an author's run v1", &[name.as_bytes()]);
    SigningKey::from_bytes(seed.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: HttpLimits = HttpLimits {
        response_bytes: 1024,
        timeout: Duration::from_secs(1),
    };

    fn get(url: &str) -> HttpRequest {
        HttpRequest {
            method: "GET".into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    fn page(source: Option<&str>, path: &str, body: &str) -> GivenPage {
        GivenPage {
            source: source.map(str::to_owned),
            grant: "rates".into(),
            path: path.into(),
            body: body.into(),
        }
    }

    #[test]
    fn pages_are_there_and_others_are_not_found() {
        let pages = vec![
            page(None, "a/b.csv", "mine"),
            page(Some("s"), "a/b.csv", "its"),
        ];
        let outside = Outside::new(&[], pages, Vec::new(), None).unwrap();
        for (source, body) in [(None, "mine"), (Some("s"), "its")] {
            let base = outside.grants(source)["rates"].base.clone();
            let found = outside
                .fetch(&get(&format!("{base}a/b.csv")), &LIMITS)
                .unwrap();
            assert_eq!((found.status, found.body), (200, body.as_bytes().to_vec()));
            let missing = outside.fetch(&get(&format!("{base}c")), &LIMITS).unwrap();
            assert_eq!(missing.status, 404);
        }
        assert_eq!(outside.missed().len(), 2);
    }

    #[test]
    fn a_page_below_a_site_comes_before_the_network() {
        struct NoWeb;
        impl Web for NoWeb {
            fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
                Err(HttpError::Timeout)
            }
        }
        let site = GivenSite {
            source: None,
            grant: "rates".into(),
            base: Url::parse("https://rates.example/v1").unwrap(),
        };
        let outside = Outside::new(
            &[],
            vec![page(None, "x", "1")],
            vec![site],
            Some(Arc::new(NoWeb)),
        );
        let outside = outside.unwrap();
        let found = outside
            .fetch(&get("https://rates.example/v1/x"), &LIMITS)
            .unwrap();
        assert_eq!(found.body, b"1");
        let other = outside.fetch(&get("https://rates.example/v1/y"), &LIMITS);
        assert_eq!(other, Err(HttpError::Timeout));
    }

    #[test]
    fn each_name_has_a_key_of_its_own_that_stays() {
        let outside = Outside::new(&[], Vec::new(), Vec::new(), None).unwrap();
        assert_eq!(outside.sign("a", b"m"), outside.sign("a", b"m"));
        assert_ne!(outside.sign("a", b"m"), outside.sign("b", b"m"));
    }
}
