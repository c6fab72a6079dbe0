//! Channels: where people hear of requests. All of it needs the role admin.

use gate_protocol::channel::{
    ChannelEntry, ChannelPage, CreateChannel, DeliveryEntry, DeliveryPage, DeliveryState,
    TestedChannel,
};
use reqwest::Method;

use crate::client::{Client, Patience};
use crate::error::ClientError;
use crate::page::{Listed, Most};

impl Client {
    /// Lists channels, by name: `GET /v1/channels`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn channels(&self, most: Most) -> Result<Listed<ChannelEntry>, ClientError> {
        let first = || Ok(self.get("the channels", "/v1/channels"));
        self.walk::<ChannelPage>(first, most).await
    }

    /// Shows a channel: `GET /v1/channels/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where none has the name.
    pub async fn channel(&self, name: &str) -> Result<ChannelEntry, ClientError> {
        let call = self.named("the channel", Method::GET, &["v1", "channels", name])?;
        self.ask(&call, Patience::SHORT).await
    }

    /// Makes a channel: `POST /v1/channels`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `bad_request` where it can't work, and
    /// with `conflict` where the name is taken.
    pub async fn create_channel(
        &self,
        wanted: &CreateChannel,
    ) -> Result<ChannelEntry, ClientError> {
        let call = self.post("the new channel", "/v1/channels").json(wanted)?;
        self.ask(&call, Patience::ONCE).await
    }

    /// Takes a channel away, with what waits for it:
    /// `DELETE /v1/channels/{name}`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where none has the name,
    /// and with `conflict` where it is in the server's settings file.
    pub async fn delete_channel(&self, name: &str) -> Result<(), ClientError> {
        let path = ["v1", "channels", name];
        let call = self.named("the channel", Method::DELETE, &path)?.nothing();
        self.exchange(&call, Patience::ONCE).await?;
        Ok(())
    }

    /// Has a test sent by a channel: `POST /v1/channels/{name}/test`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; that the other side did not take it is none.
    pub async fn test_channel(&self, name: &str) -> Result<TestedChannel, ClientError> {
        let path = ["v1", "channels", name, "test"];
        let call = self.named("the test", Method::POST, &path)?;
        let call = call.waiting(std::time::Duration::from_secs(20));
        self.ask(&call, Patience::ONCE).await
    }

    /// Lists what a channel delivered, newest first:
    /// `GET /v1/channels/{name}/deliveries`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn deliveries(
        &self,
        name: &str,
        state: Option<DeliveryState>,
        most: Most,
    ) -> Result<Listed<DeliveryEntry>, ClientError> {
        let path = ["v1", "channels", name, "deliveries"];
        let first = || {
            let call = self.named("the deliveries", Method::GET, &path)?;
            Ok(match state {
                Some(state) => call.query("state", state.as_str()),
                None => call,
            })
        };
        self.walk::<DeliveryPage>(first, most).await
    }

    /// Shows a delivery: `GET /v1/deliveries/{id}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `not_found` where there is none.
    pub async fn delivery(&self, id: &str) -> Result<DeliveryEntry, ClientError> {
        let call = self.named("the delivery", Method::GET, &["v1", "deliveries", id])?;
        self.ask(&call, Patience::SHORT).await
    }

    /// Has a delivery that was given up tried again:
    /// `POST /v1/deliveries/{id}/retry`. Sent once.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Refused` with `conflict` where it was not given up.
    pub async fn retry_delivery(&self, id: &str) -> Result<DeliveryEntry, ClientError> {
        let path = ["v1", "deliveries", id, "retry"];
        let call = self.named("the delivery", Method::POST, &path)?;
        self.ask(&call, Patience::ONCE).await
    }
}
