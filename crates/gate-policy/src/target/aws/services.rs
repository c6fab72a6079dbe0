//! By which name the environment and the configuration speak of a service.
//! Written by `generate/aws.py`.

/// Those whose name is not the command's own, with `_` for `-`.
const NAMES: &[(&str, &str)] = &[
    ("apigateway", "api_gateway"),
    ("application-autoscaling", "application_auto_scaling"),
    ("appmesh", "app_mesh"),
    ("autoscaling", "auto_scaling"),
    ("autoscaling-plans", "auto_scaling_plans"),
    ("ce", "cost_explorer"),
    ("cloudhsmv2", "cloudhsm_v2"),
    ("cloudsearchdomain", "cloudsearch_domain"),
    ("cognito-idp", "cognito_identity_provider"),
    ("configservice", "config_service"),
    ("cur", "cost_and_usage_report_service"),
    ("datapipeline", "data_pipeline"),
    ("deploy", "codedeploy"),
    ("devicefarm", "device_farm"),
    ("directconnect", "direct_connect"),
    ("discovery", "application_discovery_service"),
    ("dms", "database_migration_service"),
    ("ds", "directory_service"),
    ("ds-data", "directory_service_data"),
    ("dynamodbstreams", "dynamodb_streams"),
    ("elasticbeanstalk", "elastic_beanstalk"),
    ("elb", "elastic_load_balancing"),
    ("elbv2", "elastic_load_balancing_v2"),
    ("es", "elasticsearch_service"),
    ("events", "eventbridge"),
    ("globalaccelerator", "global_accelerator"),
    ("iot-data", "iot_data_plane"),
    ("iot-jobs-data", "iot_jobs_data_plane"),
    ("iotevents", "iot_events"),
    ("iotevents-data", "iot_events_data"),
    ("iotwireless", "iot_wireless"),
    ("kinesisanalytics", "kinesis_analytics"),
    ("kinesisanalyticsv2", "kinesis_analytics_v2"),
    ("kinesisvideo", "kinesis_video"),
    ("lex-models", "lex_model_building_service"),
    ("lex-runtime", "lex_runtime_service"),
    ("lexv2-models", "lex_models_v2"),
    ("lexv2-runtime", "lex_runtime_v2"),
    ("logs", "cloudwatch_logs"),
    ("machinelearning", "machine_learning"),
    ("marketplace-entitlement", "marketplace_entitlement_service"),
    (
        "marketplacecommerceanalytics",
        "marketplace_commerce_analytics",
    ),
    ("meteringmarketplace", "marketplace_metering"),
    ("mgh", "migration_hub"),
    ("resourcegroupstaggingapi", "resource_groups_tagging_api"),
    ("route53", "route_53"),
    ("route53domains", "route_53_domains"),
    ("runtime.sagemaker", "sagemaker_runtime"),
    ("s3api", "s3"),
    ("s3control", "s3_control"),
    ("sdb", "simpledb"),
    ("secretsmanager", "secrets_manager"),
    ("serverlessrepo", "serverlessapplicationrepository"),
    ("servicecatalog", "service_catalog"),
    ("servicecatalog-appregistry", "service_catalog_appregistry"),
    ("sms-voice", "pinpoint_sms_voice"),
    ("stepfunctions", "sfn"),
    ("storagegateway", "storage_gateway"),
];

/// Returns the name in small letters.
pub(super) fn identifier(service: &str) -> String {
    let found = NAMES.binary_search_by(|(known, _)| (*known).cmp(service));
    let known = found.ok().and_then(|index| NAMES.get(index));
    known.map_or_else(|| service.replace('-', "_"), |(_, own)| (*own).to_owned())
}
