//! Lists in pages: `limit` and `after` in, the header `Link` with `rel="next"` out (RFC 8288). A
//! cursor is opaque: it holds the key of the last item and which filters it was made with; with
//! others it is refused. Not here: any query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api_error::{ApiError, Code};

/// Items of a page if nothing is said.
pub const DEFAULT_LIMIT: u32 = 50;
/// Items of a page at most.
pub const MAX_LIMIT: u32 = 200;
/// How much of the filters' hash a cursor holds, in bytes.
const MARK: usize = 8;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many items it has at most.
    pub limit: u32,
    /// The key of the last item before it; `None` for the first page.
    pub after: Option<String>,
    query: String,
    mark: [u8; MARK],
}

impl Page {
    /// Reads the parameters. `filters` are all other parameters of the list with their values.
    ///
    /// # Errors
    /// 400 if the limit is not 1 to 200, or the cursor is not one of this list with these filters.
    pub fn read(
        path: &str,
        limit: Option<u32>,
        after: Option<&str>,
        filters: &[(&str, Option<&str>)],
    ) -> Result<Self, ApiError> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            let detail = format!("limit is a number from 1 to {MAX_LIMIT}");
            return Err(ApiError::new(Code::MalformedParameter, detail));
        }
        let mut query = format!("{path}?");
        for (name, value) in filters {
            if let Some(value) = value {
                query.push_str(&format!("{name}={}&", percent_encoded(value)));
            }
        }
        let hash = Sha256::digest(&query);
        let mut mark = [0; MARK];
        mark.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        let after = match after {
            None => None,
            Some(cursor) => Some(read_cursor(cursor, mark).ok_or_else(invalid_cursor)?),
        };
        Ok(Self { limit, after, query, mark })
    }

    /// The key of the last item before the page, for lists whose keys are UUIDs.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn after_uuid(&self) -> Result<Option<Uuid>, ApiError> {
        let key = self.after.as_deref().map(Uuid::parse_str).transpose();
        key.map_err(|_| invalid_cursor())
    }

    /// The key of the last item before the page, for lists whose keys count from 1; 0 for the first
    /// page.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn after_number(&self) -> Result<i64, ApiError> {
        let Some(key) = &self.after else { return Ok(0) };
        key.parse().map_err(|_| invalid_cursor())
    }

    /// The refusal of a cursor whose key is none of the list's.
    pub fn invalid() -> ApiError {
        invalid_cursor()
    }

    /// How many items to fetch: one more than the page has, which tells whether there is a next.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts what was fetched to the page. Returns the value of `Link` if there is a next page;
    /// `key` is where it goes on.
    pub fn cut<T>(&self, items: &mut Vec<T>, key: impl Fn(&T) -> String) -> Option<String> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if items.len() <= limit {
            return None;
        }
        items.truncate(limit);
        let mut cursor = self.mark.to_vec();
        cursor.extend(key(items.last()?).into_bytes());
        let cursor = URL_SAFE_NO_PAD.encode(cursor);
        Some(format!("<{}limit={}&after={cursor}>; rel=\"next\"", self.query, self.limit))
    }
}

fn invalid_cursor() -> ApiError {
    ApiError::new(Code::InvalidCursor, "after is not a cursor of this list and its filters")
}

fn read_cursor(cursor: &str, mark: [u8; MARK]) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let key = bytes.strip_prefix(&mark)?;
    String::from_utf8(key.to_vec()).ok().filter(|key| !key.is_empty())
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: Option<u32>, after: Option<&str>, tier: Option<&str>) -> Result<Page, ApiError> {
        Page::read("/admin/accounts", limit, after, &[("tier", tier), ("q", None)])
    }

    fn next(page: &Page, items: usize) -> (usize, Option<String>) {
        let mut items: Vec<_> = (0..items).collect();
        let link = page.cut(&mut items, |item| format!("key {item}"));
        (items.len(), link)
    }

    #[test]
    fn the_next_page_goes_on_after_the_last_item_of_this_one() {
        let first = page(Some(2), None, Some("a&b")).unwrap();
        assert_eq!(first.fetch(), 3);
        let (items, link) = next(&first, 3);
        assert_eq!(items, 2);
        let link = link.unwrap();
        let start = "</admin/accounts?tier=a%26b&limit=2&after=";
        let cursor = link.strip_prefix(start).unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        let second = page(Some(2), Some(cursor), Some("a&b")).unwrap();
        assert_eq!(second.after.as_deref(), Some("key 1"));
        assert_eq!(next(&second, 2), (2, None));

        let other_limit = page(Some(3), Some(cursor), Some("a&b"));
        assert!(other_limit.is_ok(), "the limit is no filter");
        for filters in [None, Some("premium")] {
            let code = page(Some(2), Some(cursor), filters).unwrap_err().code();
            assert_eq!(code, Code::InvalidCursor);
        }
    }

    #[test]
    fn a_page_has_fifty_items_unless_said_and_two_hundred_at_most() {
        assert_eq!(page(None, None, None).unwrap().limit, 50);
        assert_eq!(page(Some(200), None, None).unwrap().limit, 200);
        for limit in [0, 201] {
            assert_eq!(page(Some(limit), None, None).unwrap_err().code(), Code::MalformedParameter);
        }
        for cursor in ["", "x", "!!", "AAAAAAAAAAA"] {
            assert_eq!(page(None, Some(cursor), None).unwrap_err().code(), Code::InvalidCursor);
        }
    }
}
