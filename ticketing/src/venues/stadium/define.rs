//! Defining a stadium.

use shared_events::StadiumEvent;

use super::{Stadium, StadiumError};

/// Define a stadium.
#[derive(Clone, Debug)]
pub struct DefineStadium {
    /// What it is called; may be empty.
    pub name: String,
    /// What it is like.
    pub description: String,
}

impl DefineStadium {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let Self { name, description } = self;
        match stadium {
            Stadium::Absent => Ok(vec![StadiumEvent::Defined { name, description }]),
            Stadium::Open { .. } | Stadium::Closed => Err(StadiumError::AlreadyDefined),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    #[test]
    fn a_stadium_is_defined_once() {
        let define = || {
            let (name, description) = ("Arena".into(), "a hall".into());
            StadiumCommand::Define(DefineStadium { name, description })
        };
        assert_eq!(given::decided(Vec::new(), define()), Ok(given::defined()));
        let closed = given::then(given::defined(), StadiumEvent::Closed);
        for given in [given::defined(), closed] {
            assert_eq!(given::decided(given, define()), Err(StadiumError::AlreadyDefined));
        }
    }
}
