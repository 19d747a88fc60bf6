//! How a row of either database becomes a value.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::{Decode, Postgres, Type};

use crate::customer_url::StoredUrl;

/// A value that stands in a row of the embedded database; for PostgreSQL it is `sqlx::FromRow`.
pub(crate) trait SqliteRow: Sized {
    /// # Errors
    /// When a column is missing or of another type.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
}

macro_rules! tuple {
    ($($column:ident = $at:literal),+) => {
        impl<$($column: FromSql),+> SqliteRow for ($($column,)+) {
            fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
                Ok(($(row.get::<_, $column>($at)?,)+))
            }
        }
    };
}
tuple!(A = 0);
tuple!(A = 0, B = 1);

/// The next column, which debug builds check to have the field's name: finding it by that name would cost more than the row.
pub(crate) fn next<T: FromSql>(row: &Row<'_>, at: &mut usize, field: &str) -> rusqlite::Result<T> {
    debug_assert_eq!(row.as_ref().column_name(*at).ok(), Some(field), "a column stands where its field does not");
    *at += 1;
    row.get(*at - 1)
}

/// Says that the fields of a struct stand in columns of their names and in their order. `field: String` is stored as that
/// type, and made from it.
macro_rules! row {
    ($row:ident { $($field:ident $(: $stored:ty)?),* $(,)? }) => {
        impl $crate::store::row::SqliteRow for $row {
            fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                let mut at = 0;
                Ok(Self { $($field: row!(@sqlite row, at, $field $(, $stored)?)),* })
            }
        }

        impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for $row {
            fn from_row(row: &'r sqlx::postgres::PgRow) -> sqlx::Result<Self> {
                use sqlx::Row as _;
                Ok(Self { $($field: row!(@postgres row, $field $(, $stored)?)),* })
            }
        }
    };
    (@sqlite $row:ident, $at:ident, $field:ident) => {
        $crate::store::row::next($row, &mut $at, stringify!($field))?
    };
    (@sqlite $row:ident, $at:ident, $field:ident, $stored:ty) => {
        $crate::store::row::next::<$stored>($row, &mut $at, stringify!($field))?.try_into().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure($at - 1, rusqlite::types::Type::Text, Box::new(error))
        })?
    };
    (@postgres $row:ident, $field:ident) => { $row.try_get(stringify!($field))? };
    (@postgres $row:ident, $field:ident, $stored:ty) => {
        $row.try_get::<$stored, _>(stringify!($field))?
            .try_into()
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?
    };
}
pub(crate) use row;

// A text in both databases.
impl FromSql for StoredUrl {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        String::column_result(value).map(Self::from)
    }
}

impl Type<Postgres> for StoredUrl {
    fn type_info() -> PgTypeInfo {
        <String as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <String as Type<Postgres>>::compatible(of)
    }
}

impl Decode<'_, Postgres> for StoredUrl {
    fn decode(value: PgValueRef<'_>) -> Result<Self, sqlx::error::BoxDynError> {
        <String as Decode<Postgres>>::decode(value).map(Self::from)
    }
}
