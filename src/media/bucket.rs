//! Files in an S3-like store. Called by `shelf.rs`.
//!
//! A missing object and a missing bucket are both a 404. Only the first means that the file is gone; everything else that
//! goes wrong may pass, and is told as such.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig};

use super::shelf::{Pieces, ShelfError};
use crate::limits;
use crate::settings::Hidden;

/// The object that says whether the bucket can be written.
const PROBE: &str = "ready";

/// A bucket, and the prefix that all our names begin with. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Arc<str>,
}

impl Bucket {
    /// `place` is `bucket/prefix`; keys and endpoint come from the usual `AWS_…` variables.
    ///
    /// # Errors
    /// Why there can be no such place.
    pub(super) fn open(place: &str, options: &[(String, Hidden)]) -> Result<Self, String> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        crate::egress::provide_tls();
        // A request waits for it: what is away for longer is told.
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: Duration::from_millis(100), ..BackoffConfig::default() },
            max_retries: limits::BUCKET_RETRIES_MAX,
            retry_timeout: Duration::from_secs(limits::BUCKET_SECONDS_MAX),
        };
        let mut builder = AmazonS3Builder::from_env();
        for (name, value) in options {
            let key: AmazonS3ConfigKey = name.parse().map_err(|_| format!("'{name}' is no option of the S3 client"))?;
            builder = builder.with_config(key, &value.0);
        }
        let store = builder.with_bucket_name(bucket).with_retry(retry).build().map_err(|error| error.to_string())?;
        Ok(Self { store: Arc::new(store), prefix: Arc::from(prefix.trim_matches('/')) })
    }

    pub(super) async fn put(&self, id: &str, bytes: Bytes) -> Result<(), ShelfError> {
        self.store.put(&self.object(id), bytes.into()).await.map(drop).map_err(|error| away(&error))
    }

    pub(super) async fn get(&self, id: &str) -> Result<Bytes, ShelfError> {
        let object = self.object(id);
        match self.store.get(&object).await {
            Ok(found) => found.bytes().await.map_err(|error| away(&error)),
            Err(error) => Err(self.unread(&object, &error).await),
        }
    }

    pub(super) async fn read(&self, id: &str, part: Range<u64>) -> Result<Pieces, ShelfError> {
        let object = self.object(id);
        let options = GetOptions { range: Some(GetRange::Bounded(part)), ..GetOptions::default() };
        match self.store.get_opts(&object, options).await {
            Ok(found) => Ok(found.into_stream().map_err(|error| away(&error)).boxed()),
            Err(error) => Err(self.unread(&object, &error).await),
        }
    }

    pub(super) async fn has(&self, id: &str) -> Result<bool, ShelfError> {
        let object = self.object(id);
        match self.store.head(&object).await {
            Ok(_) => Ok(true),
            Err(error) => match self.unread(&object, &error).await {
                ShelfError::Missing => Ok(false),
                other => Err(other),
            },
        }
    }

    pub(super) async fn delete(&self, id: &str) -> Result<(), ShelfError> {
        let object = self.object(id);
        match self.store.delete(&object).await {
            Ok(()) => Ok(()),
            Err(error) => match self.unread(&object, &error).await {
                ShelfError::Missing => Ok(()),
                other => Err(other),
            },
        }
    }

    /// Whether a file would be kept now.
    pub(super) async fn check(&self) -> Result<(), ShelfError> {
        let probe = Path::from_iter([&*self.prefix, PROBE].into_iter().filter(|part| !part.is_empty()));
        self.store.put(&probe, Bytes::from_static(b"ready").into()).await.map(drop).map_err(|error| away(&error))
    }

    /// Why an object could not be read. A 404 that does not say what is missing (no answer to HEAD has a body) is asked about.
    async fn unread(&self, object: &Path, error: &Error) -> ShelfError {
        if !matches!(error, Error::NotFound { .. }) {
            return away(error);
        }
        let text = whole(error);
        if text.contains("NoSuchBucket") {
            return away(error);
        }
        if text.contains("NoSuchKey") {
            return ShelfError::Missing;
        }
        match self.store.list(Some(object)).next().await {
            None | Some(Ok(_)) => ShelfError::Missing,
            Some(Err(error)) => away(&error),
        }
    }

    /// The last two digits, which are random, spread the files as they do in a folder.
    fn object(&self, id: &str) -> Path {
        Path::from_iter([&*self.prefix, &id[id.len() - 2..], id].into_iter().filter(|part| !part.is_empty()))
    }
}

/// The bucket cannot be used now, whatever it says.
fn away(error: &Error) -> ShelfError {
    ShelfError::Unavailable(whole(error).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// An error with what it arose from.
fn whole(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text.chars().take(limits::FAULT_CHARS_MAX).collect()
}
