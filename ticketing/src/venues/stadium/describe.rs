//! Describing a stadium otherwise.

use shared_events::StadiumEvent;

use super::{Stadium, StadiumError};

/// Describe a stadium otherwise; what is `None` stays.
#[derive(Clone, Debug)]
pub struct DescribeStadium {
    /// What it is called now.
    pub name: Option<String>,
    /// What it is like now.
    pub description: Option<String>,
}

impl DescribeStadium {
    pub(super) fn decide(self, stadium: &Stadium) -> Result<Vec<StadiumEvent>, StadiumError> {
        let open = stadium.open()?;
        let name = self.name.unwrap_or_else(|| open.name.to_owned());
        let description = self.description.unwrap_or_else(|| open.description.to_owned());
        if (name.as_str(), description.as_str()) == (open.name, open.description) {
            return Ok(Vec::new());
        }
        Ok(vec![StadiumEvent::Described { name, description }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StadiumCommand, given};
    use super::*;

    fn describe(name: Option<&str>, description: Option<&str>) -> StadiumCommand {
        let (name, description) = (name.map(str::to_owned), description.map(str::to_owned));
        StadiumCommand::Describe(DescribeStadium { name, description })
    }

    #[test]
    fn what_is_not_said_stays_and_the_same_again_is_no_change() {
        let described =
            StadiumEvent::Described { name: "Dome".into(), description: "a hall".into() };
        let changed = given::decided(given::defined(), describe(Some("Dome"), None));
        assert_eq!(changed, Ok(vec![described]));
        let same = given::decided(given::defined(), describe(None, Some("a hall")));
        assert_eq!(same, Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_there_can_not_be_described() {
        let closed = given::then(given::defined(), StadiumEvent::Closed);
        for given in [Vec::new(), closed] {
            let refused = given::decided(given, describe(None, None));
            assert_eq!(refused, Err(StadiumError::Unknown));
        }
    }
}
