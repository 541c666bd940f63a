//! Granting a right to who has used an access link.

use shared_events::{AccessRightEvent, Requester};

use super::{AccessRight, AccessRightError};

/// Grant a right.
#[derive(Clone, Copy, Debug)]
pub struct GrantRight {
    /// To whom.
    pub requester: Requester,
}

impl GrantRight {
    /// A link is used once, so whatever comes later is a repeat.
    pub(super) fn decide(
        self,
        right: &AccessRight,
    ) -> Result<Vec<AccessRightEvent>, AccessRightError> {
        let Self { requester } = self;
        let new = *right == AccessRight::Absent;
        Ok(new.then_some(AccessRightEvent::Granted { requester }).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccessRightCommand, given};
    use super::*;

    #[test]
    fn a_right_is_granted_once() {
        let grant =
            AccessRightCommand::Grant(GrantRight { requester: Requester::Account(given::OWNER) });
        let granted = given::granted(Requester::Account(given::OWNER));
        assert_eq!(given::decided(Vec::new(), grant), Ok(granted.clone()));
        assert_eq!(given::decided(granted.clone(), grant), Ok(Vec::new()));
        let used = [granted, vec![given::used(given::OWNER)]].concat();
        assert_eq!(given::decided(used, grant), Ok(Vec::new()));
    }
}
