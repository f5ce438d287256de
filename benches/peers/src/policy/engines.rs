//! Each engine, set to its best: everything that can be done before the question is done before it.

use std::hint::black_box;

use cedar_policy::{Authorizer, Decision, Entities, EntityUid, PolicySet};
use handset::{
    Action, Channel, PhoneNumber,
    policy::{self, Catalogue, Policy, Section},
};
use regorus::{CompiledPolicy, Engine, Value, languages::rego::compiler::Compiler, rvm::vm::RegoVM};
use serde_json::json;

use super::table::{self, Ask, Request};
use crate::row::Question;

/// The same policy in every engine.
pub struct Engines {
    handset: Policy,
    regorus: CompiledPolicy,
    cedar: PolicySet,
}

impl Engines {
    /// What the columns are called, in the order of [`questions`](Self::questions).
    pub const NAMES: [&'static str; 4] = ["handset", "regorus, machine", "regorus, interpreter", "cedar"];

    pub fn new(rules: &[Ask]) -> Self {
        let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
        let handset = Policy::parse("policy.toml", &table::toml(rules), &catalogue).expect("a policy");
        let mut engine = Engine::new();
        engine.clear_policy_length_config();
        engine.add_policy("policy.rego".to_owned(), table::rego(rules)).expect("a policy");
        let regorus = engine.compile_with_entrypoint(&ENTRY.into()).expect("a policy that compiles");
        let cedar = table::cedar(rules).parse().expect("a policy set");
        Self { handset, regorus, cedar }
    }

    /// Whether the request is refused, asked of each.
    pub fn questions<'p>(&'p self, request: &'p Request) -> [Question<'p>; 4] {
        [self.of_handset(request), self.of_machine(request), self.of_interpreter(request), self.of_cedar(request)]
    }

    /// The context is built anew for each question, as the layer does it; building it is a few moves.
    fn of_handset<'p>(&'p self, request: &'p Request) -> Question<'p> {
        let action = Action::new(&*request.action).expect("an action");
        let phone = PhoneNumber::parse(&request.phone, None).expect("a number");
        Box::new(move || {
            let context = policy::Context::new(&action).phone(&phone).amount(request.amount).currency(request.currency);
            let evaluation = self.handset.evaluate(Section::Route, black_box(&context));
            matches!(evaluation.decision, policy::Decision::Deny(_))
        })
    }

    /// The policy as a program of the virtual machine, which is loaded once. An input is counted, not copied.
    fn of_machine<'p>(&'p self, request: &'p Request) -> Question<'p> {
        let input = input(request);
        let program = Compiler::compile_from_policy(&self.regorus, &[ENTRY]).expect("a program");
        let mut machine = RegoVM::new_with_policy(self.regorus.clone());
        machine.set_max_instructions(usize::MAX);
        machine.load_program(program);
        Box::new(move || {
            machine.set_input(black_box(input.clone()));
            machine.execute().expect("an answer") == Value::from(true)
        })
    }

    fn of_interpreter<'p>(&'p self, request: &'p Request) -> Question<'p> {
        let input = input(request);
        Box::new(move || {
            self.regorus.eval_with_input(black_box(input.clone())).expect("an answer") == Value::from(true)
        })
    }

    fn of_cedar<'p>(&'p self, request: &'p Request) -> Question<'p> {
        let uid = |text: String| text.parse::<EntityUid>().expect("a name");
        let facts = json!({ "amount": request.amount, "currency": request.currency, "region": request.region,
            "phone": request.phone });
        let context = cedar_policy::Context::from_json_value(facts, None).expect("a context");
        let (principal, resource) = (uid("Subject::\"somebody\"".to_owned()), uid("Check::\"start\"".to_owned()));
        let action = uid(format!("Action::\"{}\"", request.action));
        let asked = cedar_policy::Request::new(principal, action, resource, context, None).expect("a request");
        let (authorizer, entities) = (Authorizer::new(), Entities::empty());
        Box::new(move || {
            authorizer.is_authorized(black_box(&asked), &self.cedar, &entities).decision() == Decision::Deny
        })
    }
}

fn input(request: &Request) -> Value {
    let Request { action, amount, currency, region, phone } = request;
    let input = json!({ "action": action, "amount": amount, "currency": currency, "region": region, "phone": phone });
    Value::from_json_str(&input.to_string()).expect("an input")
}

const ENTRY: &str = "data.policy.refused";
