//! The smallest flow that shows what an HTTP client did: one request, and what became of it.

use http::Request;
use oidc_proto::{Accept, Body, Env, Error, Failure, Flow, Policy, Response, Step};

pub struct Toy;

#[derive(Debug)]
pub enum Outcome {
    Answer(http::Response<Vec<u8>>),
    Failed(Failure),
}

impl Flow for Toy {
    type Output = Outcome;

    fn on_response(self, reply: Response<'_>, _: &mut dyn Env) -> Result<Step<Self>, Error> {
        let mut response = http::Response::new(reply.body.to_vec());
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers.clone();
        Ok(Step::Done(Outcome::Answer(response)))
    }

    fn on_failure(self, failure: Failure, _: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::Done(Outcome::Failed(failure)))
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
