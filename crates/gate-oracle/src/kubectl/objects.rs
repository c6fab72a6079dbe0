//! What the server knows: a few types, and one object of every name.

use serde_json::{Value, json};

/// Group and version, then the types: plural, kind, short name, whether it has a namespace.
type Group = (
    &'static str,
    &'static [(&'static str, &'static str, &'static str, bool)],
);

const GROUPS: [Group; 9] = [
    (
        "v1",
        &[
            ("configmaps", "ConfigMap", "cm", true),
            ("events", "Event", "ev", true),
            ("namespaces", "Namespace", "ns", false),
            ("nodes", "Node", "no", false),
            (
                "persistentvolumeclaims",
                "PersistentVolumeClaim",
                "pvc",
                true,
            ),
            ("pods", "Pod", "po", true),
            ("secrets", "Secret", "", true),
            ("serviceaccounts", "ServiceAccount", "sa", true),
            ("services", "Service", "svc", true),
        ],
    ),
    (
        "apps/v1",
        &[
            ("daemonsets", "DaemonSet", "ds", true),
            ("deployments", "Deployment", "deploy", true),
            ("replicasets", "ReplicaSet", "rs", true),
            ("statefulsets", "StatefulSet", "sts", true),
        ],
    ),
    (
        "batch/v1",
        &[
            ("cronjobs", "CronJob", "cj", true),
            ("jobs", "Job", "", true),
        ],
    ),
    (
        "rbac.authorization.k8s.io/v1",
        &[
            ("clusterrolebindings", "ClusterRoleBinding", "", false),
            ("clusterroles", "ClusterRole", "", false),
            ("rolebindings", "RoleBinding", "", true),
            ("roles", "Role", "", true),
        ],
    ),
    (
        "networking.k8s.io/v1",
        &[("ingresses", "Ingress", "ing", true)],
    ),
    (
        "autoscaling/v2",
        &[(
            "horizontalpodautoscalers",
            "HorizontalPodAutoscaler",
            "hpa",
            true,
        )],
    ),
    ("events.k8s.io/v1", &[("events", "Event", "ev", true)]),
    (
        "certificates.k8s.io/v1",
        &[(
            "certificatesigningrequests",
            "CertificateSigningRequest",
            "csr",
            false,
        )],
    ),
    (
        "metrics.k8s.io/v1beta1",
        &[
            ("nodes", "NodeMetrics", "", false),
            ("pods", "PodMetrics", "", true),
        ],
    ),
];

fn prefix(group: &str) -> String {
    let folder = if group.contains('/') { "apis" } else { "api" };
    format!("{folder}/{group}")
}

/// Returns what a path of discovery answers.
pub(super) fn discovery(path: &str) -> Option<Value> {
    match path {
        "/version" => return Some(json!({"major": "1", "minor": "32", "gitVersion": "v1.32.4"})),
        "/api" => return Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => {
            let groups: Vec<Value> = GROUPS
                .iter()
                .filter_map(|(group, _)| {
                    group
                        .split_once('/')
                        .map(|(name, version)| (group, name, version))
                })
                .map(|(group, name, version)| {
                    let version = json!({"groupVersion": group, "version": version});
                    json!({"name": name, "versions": [version], "preferredVersion": version})
                })
                .collect();
            return Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}));
        }
        "/openapi/v3" => {
            let paths: serde_json::Map<String, Value> = GROUPS
                .iter()
                .map(|(group, _)| prefix(group))
                .map(|at| {
                    (
                        at.clone(),
                        json!({"serverRelativeURL": format!("/openapi/v3/{at}?hash=1")}),
                    )
                })
                .collect();
            return Some(json!({ "paths": paths }));
        }
        _ => {}
    }
    GROUPS.iter().find_map(|group| {
        let at = prefix(group.0);
        if path == format!("/{at}") {
            Some(resources(group))
        } else if path == format!("/openapi/v3/{at}") {
            Some(openapi(group))
        } else {
            None
        }
    })
}

fn resources((group, types): &Group) -> Value {
    let verbs = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    let mut resources = Vec::new();
    for (plural, kind, short, namespaced) in *types {
        let shorts: Vec<&str> = Some(*short)
            .filter(|short| !short.is_empty())
            .into_iter()
            .collect();
        resources.push(json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": namespaced,
            "kind": kind, "verbs": verbs, "shortNames": shorts, "categories": ["all"],
        }));
        if matches!(*plural, "deployments" | "statefulsets" | "replicasets") {
            resources.push(json!({
                "name": format!("{plural}/scale"), "singularName": "", "namespaced": true,
                "kind": "Scale", "group": "autoscaling", "version": "v1",
                "verbs": ["get", "patch", "update"],
            }));
        }
    }
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": resources})
}

/// Enough for `apply` to learn that the server can rehearse, and for `explain`.
fn openapi((group, types): &Group) -> Value {
    let (name, version) = group.split_once('/').unwrap_or(("", group));
    let mut paths = serde_json::Map::new();
    let mut schemas = serde_json::Map::new();
    for (plural, kind, _, _) in *types {
        let gvk = json!({"group": name, "version": version, "kind": kind});
        let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}))
            .collect();
        let patch = json!({
            "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": gvk,
            "parameters": parameters,
        });
        paths.insert(
            format!("/{}/{plural}/{{name}}", prefix(group)),
            json!({ "patch": patch }),
        );
        schemas.insert(
            format!("io.k8s.{kind}"),
            json!({
                "description": "A type.", "type": "object",
                "x-kubernetes-group-version-kind": [gvk],
                "properties": {"spec": {"description": "What is wanted.", "type": "object"}},
            }),
        );
    }
    json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.32.4"},
        "paths": paths, "components": {"schemas": schemas},
    })
}

/// Returns what is answered to a question that is posted.
pub(super) fn review(path: &str) -> Option<Value> {
    let (at, plural) = path.rsplit_once('/')?;
    let kind = match plural {
        "selfsubjectaccessreviews" => "SelfSubjectAccessReview",
        "selfsubjectrulesreviews" => "SelfSubjectRulesReview",
        "selfsubjectreviews" => "SelfSubjectReview",
        _ => return None,
    };
    let status = json!({
        "allowed": true, "resourceRules": [], "nonResourceRules": [], "incomplete": false,
        "userInfo": {"username": "u"},
    });
    let group = at.strip_prefix("/apis/")?;
    Some(json!({"apiVersion": group, "kind": kind, "metadata": {}, "spec": {}, "status": status}))
}

/// Where in the API a path leads.
pub(super) struct Place<'p> {
    group: &'static str,
    kind: &'static str,
    namespace: &'p str,
    /// Nothing where the path names all of a type.
    pub(super) name: &'p str,
    /// The subresource, or nothing.
    pub(super) below: &'p str,
}

impl<'p> Place<'p> {
    /// Returns the place of a path, where there is a type for it.
    pub(super) fn of(path: &'p str) -> Option<Self> {
        let (group, types) = GROUPS.iter().find(|(group, _)| {
            let rest = path
                .strip_prefix('/')
                .and_then(|rest| rest.strip_prefix(prefix(group).as_str()));
            rest.is_some_and(|rest| rest.starts_with('/'))
        })?;
        let mut parts = path
            .split('/')
            .skip(if group.contains('/') { 4 } else { 3 });
        let mut plural = parts.next()?;
        let mut namespace = "";
        let mut name = parts.next().unwrap_or_default();
        let mut below = parts.next().unwrap_or_default();
        if plural == "namespaces" && !below.is_empty() {
            (plural, namespace, name) = (below, name, parts.next().unwrap_or_default());
            below = parts.next().unwrap_or_default();
        }
        let (_, kind, ..) = types.iter().find(|(known, ..)| *known == plural)?;
        Some(Self {
            group,
            kind,
            namespace,
            name,
            below,
        })
    }

    fn metadata(&self) -> Value {
        let name = if self.name.is_empty() {
            "web"
        } else {
            self.name
        };
        json!({
            "name": name, "namespace": self.namespace, "uid": "0d6f1a5e-0000-4000-8000-000000000001",
            "resourceVersion": "7", "generation": 1, "labels": {"app": "web"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        })
    }

    /// Returns the object of that name.
    pub(super) fn object(&self) -> Value {
        let (version, kind) = match self.below {
            "scale" => ("autoscaling/v1", "Scale"),
            _ => (self.group, self.kind),
        };
        let mut object = json!({"apiVersion": version, "kind": kind, "metadata": self.metadata()});
        if let (Value::Object(whole), Value::Object(own)) = (&mut object, body(kind)) {
            whole.extend(own);
        }
        object
    }

    /// Returns all objects of the type, as kubectl prints them or as they are.
    pub(super) fn list(&self, is_table: bool) -> String {
        if is_table {
            let metadata = self.metadata();
            let row = json!({
                "cells": ["web"],
                "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata},
            });
            let column = json!({"name": "Name", "type": "string", "format": "name", "priority": 0});
            return json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
                "columnDefinitions": [column], "rows": [row],
            })
            .to_string();
        }
        json!({
            "kind": format!("{}List", self.kind), "apiVersion": self.group,
            "metadata": {"resourceVersion": "7"}, "items": [self.object()],
        })
        .to_string()
    }
}

/// What an object of a kind has beside its name.
fn body(kind: &str) -> Value {
    let containers = json!([{"name": "web", "image": "nginx:1"}]);
    match kind {
        "Pod" => json!({
            "spec": {"containers": containers, "nodeName": "n1"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }),
        "Scale" => json!({
            "spec": {"replicas": 1}, "status": {"replicas": 1, "selector": "app=web"},
        }),
        "Secret" => json!({"data": {"k": "aHVudGVyMg=="}}),
        "ConfigMap" => json!({"data": {"k": "v"}}),
        "PodMetrics" | "NodeMetrics" => {
            let usage = json!({"cpu": "1m", "memory": "1Mi"});
            json!({
                "timestamp": "2026-01-01T00:00:00Z", "window": "30s", "usage": usage,
                "containers": [{"name": "web", "usage": usage}],
            })
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => json!({
            "spec": {
                "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}},
            },
            "status": {
                "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
                "availableReplicas": 1, "conditions": [{"type": "Available", "status": "True"}],
            },
        }),
        "Service" => json!({"spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}),
        _ => json!({"spec": {}, "status": {}}),
    }
}
