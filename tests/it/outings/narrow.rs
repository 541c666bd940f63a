//! Of many announcements a list reads what it names: an index serves it, also the page of what is
//! rare, and that is told by Postgres' own count of scans.

use chrono::TimeDelta;

use super::given::in_hours;
use crate::harness::eventually;
use crate::world::World;
use crate::world::people::User;

/// A film of the samples to which nobody else goes.
const RARE: &str = "0a6f2e4d-9c5b-4e7a-8f3d-6b1c7e9d5a09";
/// More scans than what is asked for to make the announcement takes of any index, counted or not
/// yet.
const BEFORE: i64 = 10;

impl World {
    /// Asks until an index has served, more often than for anybody before. Postgres counts about
    /// once a second.
    async fn until_served(&self, index: &str, by: &User, path: &str) {
        let scans = format!(
            "select coalesce(max(idx_scan), 0) from pg_stat_user_indexes \
             where indexrelname = '{index}'"
        );
        let before = self.count(&scans).await;
        assert!(before <= BEFORE, "{before} others were served by {index}");
        let served = async || {
            let found = self.get_as(by, path).await.is(200).json;
            assert!(found.as_array().is_none_or(|page| page.len() == 1), "{path}: {found}");
            self.count(&scans).await > 2 * BEFORE
        };
        eventually(&format!("{index} serves {path}"), served).await;
    }
}

#[tokio::test]
async fn what_is_rare_among_many_is_found_by_an_index() {
    let world = World::start(&[]).await;
    let outing = world.given_outing(2, in_hours(30)).await;
    world.until_projected("outings").await;
    let far = outing.start + TimeDelta::days(300);
    // Many others to a hundred films, half of them over; and this one is to another, far away.
    let many = format!(
        "insert into announcements select gen_random_uuid(), gen_random_uuid(), \
             ('00000000-0000-4000-8000-' || lpad((n % 100)::text, 12, '0'))::uuid, title_id, \
             location_id, sub_only, is_free, places, taken, \
             case when n <= 20000 then 'open' else 'ended' end, starts_at, ends_at, sequence \
         from announcements cross join generate_series(1, 40000) n; \
         update announcements set film_id = '{RARE}', starts_at = '{far}', \
             ends_at = '{far}'::timestamptz + interval '2 hours' where announcement_id = '{}'; \
         analyze announcements",
        outing.id
    );
    world.sql().await.batch_execute(&many).await.unwrap();
    let (by, admin) = (world.given_user("standard").await, world.given_admin().await);
    let day = far.format("%Y-%m-%d");
    let host = world.id_of(&outing.host).await;
    for (index, by, path) in [
        ("announcements_open_film_idx", &by, format!("/app/v1/announcements?filter[movie]={RARE}")),
        ("announcements_open_starts_idx", &by, format!("/app/v1/announcements?filter[date]={day}")),
        ("announcements_film_idx", &admin, format!("/admin/announcements?movie={RARE}")),
        ("reviews_averages_idx", &by, format!("/app/v1/average_score/{host}")),
    ] {
        world.until_served(index, by, &path).await;
    }
    world.system.stop().await.unwrap();
}
