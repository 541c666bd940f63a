//! Using a right to reserve seats of a match behind the gate, once.

use shared_events::{AccessRightEvent, AccountId, FixtureId, HoldId, Requester};

use super::{AccessRight, AccessRightError};

/// Use a right.
#[derive(Clone, Copy, Debug)]
pub struct SpendRight {
    /// Who wants to.
    pub by: AccountId,
    /// At which match.
    pub fixture: FixtureId,
    /// For which hold.
    pub hold: HoldId,
}

impl SpendRight {
    /// A guest's right is that of whoever knows the request's id, as everything of a guest is.
    /// That of another account is as unknown after its use as before.
    pub(super) fn decide(
        self,
        right: &AccessRight,
    ) -> Result<Vec<AccessRightEvent>, AccessRightError> {
        let Self { by, fixture, hold } = self;
        match right {
            AccessRight::Absent => Err(AccessRightError::Unknown),
            AccessRight::Granted { requester: Requester::Account(owner) }
            | AccessRight::Spent { requester: Requester::Account(owner) }
                if *owner != by =>
            {
                Err(AccessRightError::Unknown)
            }
            AccessRight::Granted { .. } => Ok(vec![AccessRightEvent::Used { fixture, hold, by }]),
            AccessRight::Spent { .. } => Err(AccessRightError::Spent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccessRightCommand, given};
    use super::*;

    fn spend(by: AccountId) -> AccessRightCommand {
        let (fixture, hold) = (given::FIXTURE, given::HOLD);
        AccessRightCommand::Spend(SpendRight { by, fixture, hold })
    }

    #[test]
    fn a_right_is_used_once_and_by_its_owner() {
        let granted = given::granted(Requester::Account(given::OWNER));
        let used = given::used(given::OWNER);
        let decided = given::decided(granted.clone(), spend(given::OWNER));
        assert_eq!(decided, Ok(vec![used.clone()]));
        let other = given::decided(granted.clone(), spend(given::OTHER));
        assert_eq!(other, Err(AccessRightError::Unknown));
        let again = given::decided([granted, vec![used]].concat(), spend(given::OWNER));
        assert_eq!(again, Err(AccessRightError::Spent));
        let none = given::decided(Vec::new(), spend(given::OWNER));
        assert_eq!(none, Err(AccessRightError::Unknown));
    }

    #[test]
    fn a_guests_right_is_that_of_who_names_it() {
        let granted = given::granted(Requester::Guest);
        let decided = given::decided(granted, spend(given::OTHER));
        assert_eq!(decided, Ok(vec![given::used(given::OTHER)]));
    }
}
