//! Which requests are guarded, and what they do.

use http::Method;

use super::{path::Pattern, proxy::Original};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Action,
};

/// Requests of some paths and methods, and what is asked of them.
///
/// A path is compared by its segments: `/transfer` is that path alone, `*` stands for one segment, and `/**` at the end for the path
/// before it and all that is below.
#[derive(Clone, Debug)]
pub struct Route {
    pattern: Pattern,
    /// None at all means every method.
    methods: Vec<Method>,
    action: Option<Action>,
}

impl Route {
    /// Requests that do `action`: the policy says what they have to show.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the path is none.
    pub fn guard(path: &str, action: Action) -> Result<Self> {
        Self::new(path, Some(action))
    }

    /// Requests that are let through, without asking who it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the path is none.
    pub fn open(path: &str) -> Result<Self> {
        Self::new(path, None)
    }

    /// Only requests of these methods; `GET` is `HEAD`, too. Default: every method.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self
    }

    fn new(path: &str, action: Option<Action>) -> Result<Self> {
        let wrong = |why| Error::new(ErrorKind::Misconfigured, format!("`{path}` is no path of a route: {why}"));
        Ok(Self { pattern: Pattern::parse(path).map_err(wrong)?, methods: Vec::new(), action })
    }

    pub(super) fn action(&self) -> Option<&Action> {
        self.action.as_ref()
    }

    pub(super) fn is_for(&self, original: &Original) -> bool {
        let method = if original.method == Method::HEAD { &Method::GET } else { &original.method };
        let methods = &self.methods;
        let is_method = methods.is_empty() || methods.contains(method) || methods.contains(&original.method);
        // Where more is listed than was meant, more is guarded, and nothing more is open.
        is_method && self.pattern.matches(&original.path, self.action.is_some())
    }
}
