//! The check of tool calls among the checks, by a pointer: what reads text alone, as a page does, is not linked with it.

use super::Checks;
use crate::Finding;
use crate::actions::Actions;

#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) actions: Actions,
    pub(super) read: fn(&mut Actions, Option<&str>, &str, &str, &mut Vec<Finding>),
}

impl Checks {
    /// Looks for loops in tool calls too.
    pub(crate) fn read_calls(&mut self) {
        let actions = Actions::new(self.settings.actions.clone());
        self.calls = Some(Calls { actions, read: Actions::call });
    }
}
