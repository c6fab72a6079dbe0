//! Every table from one database into another, whichever they are: what there is to copy is read
//! from the tables themselves, so that no migration has to be said here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use gate_protocol::canonical::Digest;
use sqlx::{AssertSqlSafe, ColumnIndex, Decode, Row, SqlSafeStr as _, SqlStr, Type};

use super::columns::{count, get};
use super::sql::{Connection, query};
use super::{StoreError, sql};

/// The most rows of one statement.
const ROWS: usize = 500;
/// The most values of one statement: `SQLite` takes 32,766, `PostgreSQL` 65,535.
const VALUES: usize = 20_000;
/// A statement ends once its rows have this many bytes.
const BYTES: usize = 4 << 20;

/// Numbers that the database gives by itself, in the order of which the rows are copied.
const NUMBERED: [(&str, &str); 2] = [("outbox", "seq"), ("idempotency_keys", "rowid")];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Text,
    Bytes,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cell {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Cell {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(Some(text)) => text.len(),
            Self::Bytes(Some(bytes)) => bytes.len(),
            Self::Integer(_) | Self::Text(None) | Self::Bytes(None) => 8,
        }
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        let mut put = |tag: u8, bytes: Option<&[u8]>| {
            out.push(if bytes.is_some() { tag } else { 0 });
            let bytes = bytes.unwrap_or_default();
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Integer(number) => {
                put(1, number.map(i64::to_be_bytes).as_ref().map(|it| &it[..]));
            }
            Self::Text(text) => put(2, text.as_deref().map(str::as_bytes)),
            Self::Bytes(bytes) => put(3, bytes.as_deref()),
        }
    }
}

/// One table: its columns in order, and whose rows its own rows name.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    columns: Vec<(String, Kind)>,
    parents: BTreeSet<String>,
    /// A column that names a row of the same table, and the column by which it does.
    itself: Option<(usize, usize)>,
}

/// How many rows there are, and what is in them, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    sum: [u128; 2],
}

impl Tally {
    fn add(&mut self, row: &[Cell]) {
        let mut bytes = Vec::new();
        for cell in row {
            cell.write_to(&mut bytes);
        }
        let digest = Digest::of_bytes(&bytes);
        let (high, low) = digest.as_bytes().split_at(16);
        for (sum, half) in self.sum.iter_mut().zip([high, low]) {
            let half = <[u8; 16]>::try_from(half).map_or(0, u128::from_be_bytes);
            *sum = sum.wrapping_add(half);
        }
        self.rows += 1;
    }
}

/// Returns the tables of a `SQLite` database, each behind those whose rows it names. Those of
/// `PostgreSQL` are the same.
pub(crate) async fn tables(sqlite: &mut Connection) -> Result<Vec<Table>, StoreError> {
    let rows = query(
        "SELECT name FROM sqlite_schema WHERE type = 'table'
         AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations' ORDER BY name",
    )
    .fetch_all(sqlite)
    .await?;
    let mut left = Vec::new();
    for row in &rows {
        left.push(table(sqlite, get(row, "name")?).await?);
    }
    let mut ordered: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let is_known = |name: &String| ordered.iter().any(|table| table.name == *name);
        let (ready, later): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|table| table.parents.iter().all(is_known));
        if ready.is_empty() {
            return Err(StoreError::Unreadable { what: "schema" });
        }
        ordered.extend(ready);
        left = later;
    }
    Ok(ordered)
}

async fn table(sqlite: &mut Connection, name: String) -> Result<Table, StoreError> {
    let rows = query("SELECT name, type AS kind FROM pragma_table_info(?) ORDER BY cid")
        .bind(&name)
        .fetch_all(sqlite)
        .await?;
    let mut columns = Vec::new();
    for row in &rows {
        let column: String = get(row, "name")?;
        if NUMBERED.contains(&(name.as_str(), column.as_str())) {
            continue;
        }
        let kind = match get::<&str>(row, "kind")? {
            "INTEGER" => Kind::Integer,
            "TEXT" => Kind::Text,
            "BLOB" => Kind::Bytes,
            _ => return Err(StoreError::Unreadable { what: "schema" }),
        };
        columns.push((column, kind));
    }
    let rows = query(
        "SELECT \"table\" AS parent, \"from\" AS reference, \"to\" AS key
         FROM pragma_foreign_key_list(?)",
    )
    .bind(&name)
    .fetch_all(sqlite)
    .await?;
    let (mut parents, mut itself) = (BTreeSet::new(), None);
    for row in &rows {
        let parent: String = get(row, "parent")?;
        if parent == name {
            let at = |column: &str| columns.iter().position(|(name, _)| name == column);
            itself = at(get(row, "key")?).zip(at(get(row, "reference")?));
        } else {
            parents.insert(parent);
        }
    }
    Ok(Table {
        name,
        columns,
        parents,
        itself,
    })
}

/// Returns how many rows a table has.
pub(crate) async fn rows_in(table: &Table, of: &mut Connection) -> Result<u64, StoreError> {
    let text = format!(
        "SELECT CAST(count(*) AS BIGINT) AS number FROM \"{}\"",
        table.name
    );
    let text = AssertSqlSafe(text).into_sql_str();
    let row = match of {
        Connection::Sqlite(transaction) => {
            let row = sqlx::query(text).fetch_one(&mut **transaction).await?;
            sql::Row::Sqlite(row)
        }
        Connection::Postgres(bounded) => {
            let row = sqlx::query(text).fetch_one(bounded.parts().1).await?;
            sql::Row::Postgres(row)
        }
    };
    count(&row, "number")
}

/// Lets a transaction last: the bounds of a session are for what answers a call.
pub(crate) async fn take_time(connection: &mut Connection) -> Result<(), StoreError> {
    let Connection::Postgres(bounded) = connection else {
        return Ok(());
    };
    bounded.take_time();
    for bound in [
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
    ] {
        query(bound).execute(connection).await?;
    }
    Ok(())
}

/// Copies the rows of a table, of those that have a `seq` only from `first` on, and returns what
/// was copied.
pub(crate) async fn copy(
    table: &Table,
    first: Option<u64>,
    from: &mut Connection,
    to: &mut Connection,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let has_nul = matches!(to, Connection::Sqlite(_));
    let mut rows = read(table, first, from);
    if let Some(itself) = table.itself {
        let all: Vec<Vec<Cell>> = rows.try_collect().await?;
        let all = in_order(all, itself);
        rows = futures_util::stream::iter(all.into_iter().map(Ok)).boxed();
    }
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(mut row) = rows.try_next().await? {
        if !has_nul {
            without_nul(&mut row);
        }
        tally.add(&row);
        bytes += row.iter().map(Cell::bytes).sum::<usize>();
        batch.push(row);
        let values = (batch.len() + 1) * table.columns.len();
        if batch.len() == ROWS || values > VALUES || bytes > BYTES {
            write(table, std::mem::take(&mut batch), to).await?;
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        write(table, batch, to).await?;
    }
    Ok(tally)
}

/// Returns what is in a table.
pub(crate) async fn tally(table: &Table, of: &mut Connection) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let mut rows = read(table, None, of);
    while let Some(row) = rows.try_next().await? {
        tally.add(&row);
    }
    Ok(tally)
}

/// Returns what is in a table as it would be in `to`.
pub(crate) async fn tally_for(
    table: &Table,
    of: &mut Connection,
    to: &Connection,
) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let has_nul = matches!(to, Connection::Sqlite(_));
    let mut rows = read(table, None, of);
    while let Some(mut row) = rows.try_next().await? {
        if !has_nul {
            without_nul(&mut row);
        }
        tally.add(&row);
    }
    Ok(tally)
}

/// `PostgreSQL` stores no NUL in a text: what a person wrote has a mark in its place.
fn without_nul(row: &mut [Cell]) {
    for cell in row {
        if let Cell::Text(Some(text)) = cell
            && text.contains('\0')
        {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
}

/// Puts a row behind the one that it names.
fn in_order(rows: Vec<Vec<Cell>>, (key, reference): (usize, usize)) -> Vec<Vec<Cell>> {
    let (mut placed, mut known) = (Vec::with_capacity(rows.len()), BTreeSet::new());
    let mut left = rows;
    loop {
        let is_ready = |row: &Vec<Cell>| match row.get(reference) {
            Some(Cell::Text(Some(name))) => known.contains(name),
            _ => true,
        };
        let (ready, later): (Vec<_>, Vec<_>) = left.into_iter().partition(is_ready);
        if ready.is_empty() {
            // What is left names nothing that is there: the database says so.
            placed.extend(later);
            return placed;
        }
        known.extend(ready.iter().filter_map(|row| match row.get(key) {
            Some(Cell::Text(name)) => name.clone(),
            _ => None,
        }));
        placed.extend(ready);
        left = later;
    }
}

fn read<'c>(
    table: &'c Table,
    first: Option<u64>,
    from: &'c mut Connection,
) -> BoxStream<'c, Result<Vec<Cell>, StoreError>> {
    let text = selecting(table, first);
    match from {
        Connection::Sqlite(transaction) => sqlx::query(text)
            .fetch(&mut **transaction)
            .map(move |row| cells(&row?, table))
            .boxed(),
        Connection::Postgres(bounded) => sqlx::query(text)
            .fetch(bounded.parts().1)
            .map(move |row| cells(&row?, table))
            .boxed(),
    }
}

fn selecting(table: &Table, first: Option<u64>) -> SqlStr {
    let numbers: BTreeMap<&str, &str> = NUMBERED.into_iter().collect();
    let mut text = format!("SELECT {} FROM \"{}\"", names(table), table.name);
    if let Some(first) = first {
        let _written = write!(text, " WHERE seq >= {first}");
    }
    let order = numbers.get(table.name.as_str()).copied();
    let has_seq = table.columns.iter().any(|(name, _)| name == "seq");
    if let Some(order) = order.or(has_seq.then_some("seq")) {
        let _written = write!(text, " ORDER BY {order}");
    }
    AssertSqlSafe(text).into_sql_str()
}

/// The names of the columns, which come from the database's own schema.
fn names(table: &Table) -> String {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    names.join(", ")
}

/// Returns the cells of a row of either database.
fn cells<'r, R>(row: &'r R, table: &Table) -> Result<Vec<Cell>, StoreError>
where
    R: Row,
    usize: ColumnIndex<R>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    Option<Vec<u8>>: Decode<'r, R::Database> + Type<R::Database>,
{
    let columns = table.columns.iter().enumerate();
    let cell = |(place, (_, kind)): (usize, &(String, Kind))| match kind {
        Kind::Integer => row.try_get(place).map(Cell::Integer),
        Kind::Text => row.try_get(place).map(Cell::Text),
        Kind::Bytes => row.try_get(place).map(Cell::Bytes),
    };
    Ok(columns.map(cell).collect::<Result<_, _>>()?)
}

async fn write(table: &Table, rows: Vec<Vec<Cell>>, to: &mut Connection) -> Result<(), StoreError> {
    let is_sqlite = matches!(to, Connection::Sqlite(_));
    let mut text = format!("INSERT INTO \"{}\" ({}) VALUES ", table.name, names(table));
    let mut place = 0;
    for number in 0..rows.len() {
        text.push_str(if number == 0 { "(" } else { ", (" });
        for column in 0..table.columns.len() {
            place += 1;
            let comma = if column == 0 { "" } else { ", " };
            let mark = if is_sqlite { '?' } else { '$' };
            let _written = write!(text, "{comma}{mark}{place}");
        }
        text.push(')');
    }
    let text = AssertSqlSafe(text).into_sql_str();
    let cells = rows.into_iter().flatten();
    match to {
        Connection::Sqlite(transaction) => {
            let prepared = cells.fold(sqlx::query(text), |prepared, cell| match cell {
                Cell::Integer(value) => prepared.bind(value),
                Cell::Text(value) => prepared.bind(value),
                Cell::Bytes(value) => prepared.bind(value),
            });
            prepared
                .persistent(false)
                .execute(&mut **transaction)
                .await?;
        }
        Connection::Postgres(bounded) => {
            let prepared = cells.fold(sqlx::query(text), |prepared, cell| match cell {
                Cell::Integer(value) => prepared.bind(value),
                Cell::Text(value) => prepared.bind(value),
                Cell::Bytes(value) => prepared.bind(value),
            });
            prepared
                .persistent(false)
                .execute(bounded.parts().1)
                .await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_behind_the_one_that_it_names() {
        let row = |name: &str, owner: Option<&str>| {
            vec![
                Cell::Text(Some(name.to_owned())),
                Cell::Text(owner.map(str::to_owned)),
            ]
        };
        let rows = vec![row("c", Some("b")), row("b", Some("a")), row("a", None)];
        let placed = in_order(rows, (0, 1));
        assert_eq!(
            placed,
            [row("a", None), row("b", Some("a")), row("c", Some("b"))]
        );
    }

    #[test]
    fn a_tally_tells_every_value_apart_and_not_the_order() {
        let of = |rows: &[Vec<Cell>]| {
            let mut tally = Tally::default();
            for row in rows {
                tally.add(row);
            }
            tally
        };
        let (one, two) = (
            vec![Cell::Text(Some("a".to_owned())), Cell::Integer(Some(1))],
            vec![Cell::Text(Some("b".to_owned())), Cell::Integer(None)],
        );
        let both = of(&[one.clone(), two.clone()]);
        assert_eq!(both, of(&[two.clone(), one.clone()]));
        let mut other = two;
        other[1] = Cell::Integer(Some(0));
        assert_ne!(both, of(&[one, other]));
    }
}
