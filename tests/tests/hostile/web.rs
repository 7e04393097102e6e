//! What a hostile guest finds outside its sandbox: the answers of its verdict and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cryptlet_container::{
    BuildError, EncodedCall, HttpError, HttpLimits, HttpRequest, HttpResponse, KeyAlgorithm,
    KeyError, PublicKey, Services, SubmissionStatus,
};
use cryptlet_fabric::Web;

use crate::verdict::Exchange;

/// Answers what it is told to, in order, or what a web does.
#[derive(Default)]
pub struct Outside {
    exchanges: Vec<Exchange>,
    /// A web that answers instead.
    web: Option<Arc<dyn Web>>,
    /// How often something was asked for.
    pub asked: AtomicUsize,
}

impl Outside {
    pub fn answering(exchanges: &[Exchange]) -> Outside {
        Outside {
            exchanges: exchanges.to_vec(),
            ..Outside::default()
        }
    }

    /// Answers what this web answers.
    pub fn on(web: Arc<dyn Web>) -> Outside {
        Outside {
            web: Some(web),
            ..Outside::default()
        }
    }

    /// Whether everything was asked for that should be.
    pub fn is_spent(&self) -> bool {
        self.asked.load(Ordering::SeqCst) == self.exchanges.len()
    }
}

impl Services for Outside {
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(web) = &self.web {
            return web.fetch(request, limits);
        }
        match self.exchanges.get(asked) {
            Some(exchange) if exchange.url == request.url => match &exchange.denied {
                Some(reason) => Err(HttpError::Denied(reason.clone())),
                None => Ok(HttpResponse {
                    status: exchange.status,
                    headers: exchange.headers.clone().into_iter().collect(),
                    body: exchange.body.clone().into_bytes(),
                }),
            },
            // Not `Denied`: the container must have said that before.
            _ => Err(HttpError::Invalid(format!(
                "{} was let through",
                request.url
            ))),
        }
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        call_encoding(action, fields)
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        1
    }

    fn public_key(&self, _: &str) -> Result<PublicKey, KeyError> {
        Ok(PublicKey {
            algorithm: KeyAlgorithm::Ed25519,
            bytes: vec![1; 32],
        })
    }

    /// The message itself, so that a guest sees whether it got here.
    fn sign(&self, _: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(message.to_vec())
    }
}

/// Knows one action, and takes any fields.
pub fn call_encoding(action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
    match action {
        "settle" => Ok(EncodedCall {
            digest: [9; 32],
            bytes: fields.to_vec(),
        }),
        _ => Err(BuildError::UnknownAction(action.to_owned())),
    }
}
