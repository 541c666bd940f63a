//! Which seats to offer somebody who names none: of the good rows first, together if that is asked
//! for, and so that no single seat is left over where it can be avoided. Pure: it sees what is free
//! and offers nothing else; whether the seats are still free is decided by the append.

/// Runs of free seats that are looked at for the fewest single seats left over. Beyond the best of
/// them, goodness of the row counts for more.
const MOST_RUNS: usize = 256;

/// Seats of one row by their numbers without a gap; `None` is somebody's, or no seat.
pub type Row = Vec<Option<u32>>;

/// Free seats beside each other.
#[derive(Clone, Debug)]
struct Run {
    seats: Vec<u32>,
}

/// Chooses `quantity` free seats. `rows` come with the best first; `together` asks for seats beside
/// each other in one row. `None` if there are no such seats.
pub fn choose(
    rows: impl IntoIterator<Item = Row>,
    quantity: usize,
    together: bool,
) -> Option<Vec<u32>> {
    if quantity == 0 {
        return None;
    }
    let runs = rows.into_iter().flat_map(|row| runs(&row));
    if together { beside_each_other(runs, quantity) } else { anywhere(runs, quantity) }
}

fn runs(row: &[Option<u32>]) -> Vec<Run> {
    let taken = |seat: &Option<u32>| seat.is_none();
    let parts = row.split(taken).filter(|part| !part.is_empty());
    parts.map(|part| Run { seats: part.iter().flatten().copied().collect() }).collect()
}

/// Single seats that are left over when so many are taken from one end of a run.
fn left_alone(run: usize, taken: usize) -> usize {
    usize::from(taken > 0 && run - taken == 1)
}

/// The first run that the seats leave no single one of; else the first that is long enough.
fn beside_each_other(runs: impl Iterator<Item = Run>, quantity: usize) -> Option<Vec<u32>> {
    let mut second_best = None;
    for mut run in runs.filter(|run| run.seats.len() >= quantity) {
        let alone = left_alone(run.seats.len(), quantity);
        run.seats.truncate(quantity);
        if alone == 0 {
            return Some(run.seats);
        }
        second_best.get_or_insert(run.seats);
    }
    second_best
}

/// What so many seats from the first runs cost at least: single seats left over, then how far back
/// the seats are.
type Cost = (usize, usize);

/// Takes from the first runs so that the cost is the least; looks no further than it has to.
fn anywhere(runs: impl Iterator<Item = Run>, quantity: usize) -> Option<Vec<u32>> {
    let mut best: Vec<Option<Cost>> = vec![None; quantity + 1];
    *best.first_mut()? = Some((0, 0));
    let mut looked_at: Vec<(Run, Vec<usize>)> = Vec::new();
    let mut free = 0;
    for (rank, run) in runs.enumerate() {
        let cost = best.last().copied().flatten();
        // A seat of this run or a later one is at least as far back as all that was found.
        let is_best = cost.is_some_and(|(alone, back)| alone == 0 && back <= rank);
        // At least as many as are needed, however short they are.
        if is_best || (rank >= MOST_RUNS && free >= quantity) {
            break;
        }
        free += run.seats.len();
        let (next, choices) = with_run(&best, rank, run.seats.len());
        best = next;
        looked_at.push((run, choices));
    }
    best.last().copied().flatten()?;
    let mut left = quantity;
    for (run, choices) in looked_at.iter_mut().rev() {
        let taken = choices.get(left).copied().unwrap_or_default();
        run.seats.truncate(taken);
        left -= taken;
    }
    Some(looked_at.into_iter().flat_map(|(run, _)| run.seats).collect())
}

/// What each sum of seats costs at least with one more run, and how many of its seats that takes.
fn with_run(best: &[Option<Cost>], rank: usize, run: usize) -> (Vec<Option<Cost>>, Vec<usize>) {
    let mut next = vec![None; best.len()];
    let mut choices = vec![0; best.len()];
    for (sum, (cost, choice)) in next.iter_mut().zip(&mut choices).enumerate() {
        for taken in 0..=run.min(sum) {
            let before = best.get(sum - taken).copied().flatten();
            let Some((alone, back)) = before else { continue };
            let here: Cost = (alone + left_alone(run, taken), back + rank * taken);
            if cost.is_none_or(|known| here < known) {
                (*cost, *choice) = (Some(here), taken);
            }
        }
    }
    (next, choices)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Rows as text: `.` is free, `x` is taken; seats are numbered through.
    fn house(rows: &[&str]) -> Vec<Row> {
        let mut seat = 0;
        let mut row = |text: &&str| {
            let seats = text.chars().map(|c| {
                seat += 1;
                (c == '.').then_some(seat)
            });
            seats.collect()
        };
        rows.iter().map(&mut row).collect()
    }

    fn chosen(rows: &[&str], quantity: usize, together: bool) -> Option<Vec<u32>> {
        choose(house(rows), quantity, together)
    }

    #[test]
    fn the_best_rows_come_first() {
        assert_eq!(chosen(&["xx..", "...."], 2, true), Some(vec![3, 4]));
        assert_eq!(chosen(&["xxxx", "...."], 1, false), Some(vec![5]));
        assert_eq!(chosen(&["....", "...."], 4, true), Some(vec![1, 2, 3, 4]));
    }

    #[test]
    fn together_means_beside_each_other_in_one_row() {
        assert_eq!(chosen(&[".x.x", "...."], 2, true), Some(vec![5, 6]));
        assert_eq!(chosen(&[".x.x", "..xx"], 3, true), None);
        assert_eq!(chosen(&[".x.x", "..xx"], 3, false), Some(vec![1, 5, 6]));
    }

    #[test]
    fn no_single_seat_is_left_over_where_it_can_be_avoided() {
        assert_eq!(chosen(&["...x", "...."], 2, true), Some(vec![5, 6]));
        assert_eq!(chosen(&["...x"], 2, true), Some(vec![1, 2]), "it can not be avoided");
        assert_eq!(chosen(&["...", ".."], 2, false), Some(vec![4, 5]));
        assert_eq!(chosen(&["..", "."], 1, false), Some(vec![3]));
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(chosen(&["...."], 5, false), None);
        assert_eq!(chosen(&["xxxx"], 1, true), None);
        assert_eq!(chosen(&["...."], 0, false), None);
        assert_eq!(chosen(&[], 1, false), None);
    }

    #[test]
    fn a_house_of_fifty_thousand_is_chosen_from_quickly() {
        let rows = (0..1_000).map(|row| (0..50).map(|seat| Some(row * 50 + seat)).collect());
        assert_eq!(choose(rows, 20, false).map(|seats| seats.len()), Some(20));
    }

    fn houses() -> impl Strategy<Value = Vec<Vec<bool>>> {
        prop::collection::vec(prop::collection::vec(any::<bool>(), 0..9), 0..6)
    }

    fn rows_of(free: &[Vec<bool>]) -> Vec<Row> {
        let seat = |row: usize, n: usize| u32::try_from(row * 100 + n).unwrap();
        let row = |(row, seats): (usize, &Vec<bool>)| {
            seats.iter().enumerate().map(|(n, free)| free.then(|| seat(row, n))).collect()
        };
        free.iter().enumerate().map(row).collect()
    }

    fn lengths(free: &[Vec<bool>]) -> Vec<usize> {
        rows_of(free).iter().flat_map(|row| runs(row)).map(|run| run.seats.len()).collect()
    }

    /// The fewest single seats that so many leave over, by trying everything.
    fn fewest_alone(runs: &[usize], quantity: usize) -> Option<usize> {
        match runs {
            [] => (quantity == 0).then_some(0),
            [first, rest @ ..] => {
                let taken = 0..=quantity.min(*first);
                let alone = taken.filter_map(|taken| {
                    // From both ends of the run is never better than from one.
                    Some(left_alone(*first, taken) + fewest_alone(rest, quantity - taken)?)
                });
                alone.min()
            }
        }
    }

    /// Single free seats that were none before.
    fn alone_after(free: &[Vec<bool>], chosen: &HashSet<u32>) -> usize {
        let singles = |rows: Vec<Row>| -> HashSet<u32> {
            let runs = rows.iter().flat_map(|row| runs(row)).filter(|run| run.seats.len() == 1);
            runs.map(|run| run.seats[0]).collect()
        };
        let mut rows = rows_of(free);
        let before = singles(rows.clone());
        for seat in rows.iter_mut().flatten() {
            *seat = seat.filter(|seat| !chosen.contains(seat));
        }
        singles(rows).difference(&before).count()
    }

    proptest! {
        #[test]
        fn a_taken_seat_is_never_offered_nor_one_twice(
            free in houses(), quantity in 1_usize..8, together: bool,
        ) {
            let rows = rows_of(&free);
            let all: HashSet<u32> = rows.iter().flatten().flatten().copied().collect();
            let runs = lengths(&free);
            let possible = if together {
                runs.iter().any(|run| *run >= quantity)
            } else {
                runs.iter().sum::<usize>() >= quantity
            };
            match choose(rows, quantity, together) {
                None => prop_assert!(!possible),
                Some(seats) => {
                    let chosen: HashSet<u32> = seats.iter().copied().collect();
                    prop_assert_eq!((seats.len(), chosen.len()), (quantity, quantity));
                    prop_assert!(chosen.is_subset(&all));
                    if together {
                        prop_assert!(seats.windows(2).all(|pair| pair[0] + 1 == pair[1]));
                    }
                }
            }
        }

        #[test]
        fn no_fewer_single_seats_could_be_left_over(
            free in houses(), quantity in 1_usize..8, together: bool,
        ) {
            let runs = lengths(&free);
            let Some(seats) = choose(rows_of(&free), quantity, together) else { return Ok(()) };
            let chosen = seats.into_iter().collect();
            let fewest = if together {
                let fits = runs.iter().filter(|run| **run >= quantity);
                fits.map(|run| left_alone(*run, quantity)).min()
            } else {
                fewest_alone(&runs, quantity)
            };
            prop_assert_eq!(Some(alone_after(&free, &chosen)), fewest);
        }

        #[test]
        fn who_needs_one_seat_sits_in_the_best_row_that_leaves_nobody_alone(free in houses()) {
            let Some(seats) = choose(rows_of(&free), 1, false) else { return Ok(()) };
            let runs: Vec<Run> = rows_of(&free).iter().flat_map(|row| runs(row)).collect();
            let first = runs.iter().find(|run| run.seats.len() != 2).or(runs.first());
            prop_assert_eq!(seats[0], first.unwrap().seats[0]);
        }
    }
}
