//! The smallest flow that shows what an HTTP client did: one request, and what became of it.

use http::Request;
use oidc_proto::step::Input;
use oidc_proto::{Accept, Body, Env, Error, Failure, Flow, Policy, Step};

pub struct Toy;

#[derive(Debug)]
pub enum Outcome {
    Answer(http::Response<Vec<u8>>),
    Failed(Failure),
}

impl Flow for Toy {
    type Output = Outcome;

    fn on(self, input: Input<'_>, _: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::Done(match input {
            Input::Response(received) => {
                let mut response = http::Response::new(received.body.to_vec());
                *response.status_mut() = received.status;
                *response.headers_mut() = received.headers.clone();
                Outcome::Answer(response)
            }
            Input::Failed(failure) => Outcome::Failed(failure),
            other => return Err(other.unexpected()),
        }))
    }
}

impl Toy {
    pub fn get(url: &str, limit: usize) -> Step<Self> {
        let request = Request::get(url).header("accept", "application/json").header("x-probe", "17");
        Step::call(request.body(Body::default()).unwrap(), Policy::read(limit, Accept::Any), Self)
    }

    pub fn post(url: &str, body: &str) -> Step<Self> {
        let request = Request::post(url).header("content-type", "application/x-www-form-urlencoded");
        Step::call(request.body(Body::from(body.to_owned())).unwrap(), Policy::write(Accept::Any), Self)
    }
}
