#!/usr/bin/env python3
"""Makes the list of the commands of gcloud or az, each with its effect.

    cloud_commands.py gcloud SDK        from data/cli/gcloud_completions.py of the SDK
    cloud_commands.py az FILE VERSION   from one command on a line, as printed by
                                        `az` (the keys of its table of commands)

The effect is told by the last word, the verb; what a verb hides is named in
EXCEPTIONS, whose first pattern that matches counts. A verb that is in no list is
`unknown`. A line of the answer is an effect, a group and its verbs of that effect.
"""

import re
import sys

READ = r"""list|describe|show|get|get-iam-policy|wait|search|lookup|validate|tail|status|exists|stats|query|check|logs|log|version|explain|diff
|ping|list-.*|describe-.*|show-.*|get-.*|check-.*|analyze-.*|query-.*|what-if|stream-logs|search-.*|find|find-.*|test-iam-permissions|lint"""
WRITE = r"""create|update|set|add|import|restore|start|stop|restart|enable|disable|cancel|move|copy|rename|upload|apply|deploy|scale|resize|upgrade
|rollback|suspend|resume|pause|undelete|register|publish|patch|replace|replace-all|migrate|promote|failover|clone|attach|swap|sync|tag|untag|link
|unlink|approve|reject|acknowledge|reset|renew|assign|complete|commit|activate|deactivate|append|accept|recover|abort|enroll|insert|seek|pull
|(create|update|set|add|start|stop|enable|disable|import|attach|detach|restore|apply|upload|upgrade|configure|recreate|resume|suspend)-.*
|detach|perform-maintenance|reschedule-maintenance|deallocate|redeploy|reimage|convert|merge|switchover|rotate|rotate-.*|snapshot|unset|modify|export"""
DESTROY = r"""delete|remove|destroy|purge|drop|clear|uninstall|terminate|unregister|cleanup|clean-up|(delete|remove|purge|abandon|undeploy|clear|destroy)-.*
|undeploy|unenroll|hibernate|unmanage"""
ACCESS = r"""(add|remove|set)-iam-policy(-binding)?|revoke|revoke-.*|grant|grant-.*|set-policy|delete-policy|set-password|authorize|unauthorize"""
EXECUTE = r"ssh|scp|exec|execute|submit|invoke|call|connect|run|build|local-run|start-iap-tunnel|interactive|invoke-command|connect-to-serial-port"

# Words of a group or a verb behind which a credential stands.
REVEALS = r".*(connection-string|credential|password|passphrase|secret|token|shared-key|client-key|access-key|auth-string|key-string|publishing-profile|sas|kubeconfig|jwt).*"

EXCEPTIONS = {
    "gcloud": [
        ("read", r"(help|info|version|cheat-sheet|topic|topic .*)"),
        ("read", r"config (list|get|get-value|configurations (list|describe))|auth list|components list"),
        ("write", r"config (set|unset|configurations (activate|create|delete|rename))|init"),
        ("read", r"(secrets|secrets versions|secrets locations) (list|describe|get-iam-policy)"),
        ("secret", r"domains registrations authorization-code .*|vmware private-clouds (nsx|vcenter) credentials describe|vmware .* activationkeys .*"),
        ("secret", r"(iam oauth-clients credentials|iap oauth-clients) (describe|list|create)|.* get-backup-index-download-url"),
        ("read", r"iam service-accounts keys list|services api-keys (list|describe|lookup)|.* (ssl-certificates|ssl-certs|keys|public-keys) (list|describe)"),
        ("secret", r"auth (print-.*|application-default print-.*)|config config-helper|secrets versions access|.* sign-.*|sign-.*"),
        ("secret", r"iam service-accounts keys (create|upload)|services api-keys (get-key-string|create)|.* get-auth-string|.* get-key-string"),
        ("secret", r"kms (decrypt|asymmetric-decrypt|raw-decrypt|asymmetric-sign|mac-sign|decapsulate)|compute reset-windows-password|.* reset-admin-password"),
        ("secret", r"artifacts print-settings .*|sql generate-login-token|recaptcha keys retrieve-legacy-secret-key|.* retrieve-legacy-secret-key|.* generate-login-token"),
        ("secret", r"(sql|firestore|datastore|redis|healthcare|asset|spanner|bigtable|alloydb|looker|ai|storage)( .*)? export( .*)?|storage cat|pubsub subscriptions pull"),
        ("secret", r".* get-credentials|(sql ssl-certs|firestore user-creds) create"),
        ("access", r"firestore user-creds (delete|disable|enable)|vmware .* credentials reset|services (api-keys (delete|undelete|update)|identity create)"),
        ("access", r"(bigtable authorized-views|certificate-manager trust-configs|active-directory domains trusts|bms ssh-keys) (add|create|delete|import|remove|update)|sql ssl-certs delete"),
        ("access", r"auth .*|iam .* (create|update|delete|enable|disable|undelete|upload|add|remove|set|patch|copy|create-.*|update-.*)"),
        ("access", r"(access-context-manager|access-approval|org-policies|resource-manager org-policies|policy-intelligence|iap|identity|privileged-access-manager|pam|organizations|compute os-login|compute sign-url)( .*)? (create|update|delete|set|set-.*|add|remove|add-.*|remove-.*|reset|enable.*|disable.*|replace-all|approve|deny|revoke|move|dismiss|invalidate)"),
        ("access", r"(sql|alloydb|active-directory|managed-identities)( .*)? users (create|set-password|delete|set-.*)"),
        ("execute", r"components .*|emulators .*|.* emulators .*|ai-platform local .*|code .*|functions local .*|app (browse|open-console)|meta .*|docker.*|cloud-shell .*"),
        ("execute", r"dataproc (jobs submit|batches submit|workflow-templates (run|instantiate|instantiate-from-file)).*|builds submit|builds triggers run|compute config-ssh|infra-manager .*export-.*"),
        ("execute", r"compute (instances|project-info|instance-templates) (add-metadata|add-partner-metadata)"),
        ("read", r"logging (read|tail)|.* read|app logs (read|tail)|run services logs (read|tail)|storage (ls|du|hash|objects (list|describe)|buckets (list|describe))"),
        ("destroy", r"kms keys versions destroy|storage rm|projects delete"),
        ("unknown", r"feedback|survey|interactive"),
    ],
    "az": [
        ("read", r"(role|ad|policy|identity|lock|keyvault role) .*(list|show|wait)|.* (ad-admin|network-rule|aad) (list|show|wait)"),
        ("secret", r"synapse integration-runtime (list-auth-key|get-connection-info)|network express-route (auth|port authorization) (list|show)"),
        ("secret", r"iot (hub|dps) policy (list|show)|.* get-boot-log-uris|(webapp|functionapp) auth show|.* grant-access"),
        ("write", r"keyvault key (create|rotate|import|recover|restore|set-attributes)"),
        ("read", r"(vm|vmss) run-command (list|show)"),
        ("local", r"bicep format"),
        ("read", r"version|find|account (show|list|list-locations)|config get|cloud (show|list|list-profiles)|extension (list|list-available|list-versions|show)|group exists"),
        ("read", r"keyvault (secret|certificate|key) (list|list-.*)|keyvault (key|certificate) show.*|sshkey (show|list)|ad (app|sp) (credential|federated-credential) (list|show)"),
        ("read", r"keyvault (list|list-deleted|show|show-deleted|check-name)|.* (authorization-rule|auth-rule) (list|show)"),
        ("secret", r"account get-access-token|keyvault secret (show|show-deleted|download|backup)|keyvault key (decrypt|sign|download|backup)|keyvault certificate (backup|download)"),
        ("secret", r".*(list-keys|list-.*keys|list-connection-strings|list-publishing-.*|list-credentials|list-client-tokens|list-content-keys|get-sas-urls|get-shared-keys|get-admin-kubeconfig|get-encryption-key|show-connection-string|show-secret|show-cd-url|generate-sas|list-peering-passphrase|list-configuration|show-admin-credential)"),
        ("secret", r".* (keys?|credentials?|admin-key|query-key|api-key|appsettings|connection-string|shared-key|auth-settings|secret|secrets|list-access-keys) (list|show|renew|regenerate|create|reset|list-.*)"),
        ("secret", r"ad sp create-for-rbac|ad (sp|app) credential reset|acr token create|.* renew-key.*|.* regenerate-?key.*|.* (renew|reset)-credentials?|.* reset-smb-password|.* generate-(akv-)?credential"),
        ("secret", r"(webapp|functionapp|staticwebapp|logicapp)( .*)? (appsettings|settings) (list|show)|webapp config backup show|appconfig kv export"),
        ("secret", r"storage .*(download|download-batch|snapshot-download)|(sql|synapse sql|mysql|postgres)( .*)? export|iot .* export|monitor .* data-export"),
        ("secret", r"(aks|hdinsight) get-credentials"),
        ("access", r".* identity (assign|remove|update|set-default|create-required)|.* (role|role assignment|role definition|role-assignment|rolebinding) (create|update|delete)"),
        ("access", r".* (authorization-rule|access-policy|trusted-provider|users?) (create|update|delete|reset|set)|.* user definition (create|update|delete)|sig share (add|remove|reset|enable-community)|.* permissions update"),
        ("access", r"acr (task|token) credential (add|update|delete|remove)|(functionapp|webapp)( .*)? keys (set|delete)|hdinsight credentials update|dls account enable-key-vault"),
        ("write", r"aks (install-cli|install-connector)|account set|config (set|unset)|configure|cloud (set|register|update|unregister)|group (export)|.* export"),
        ("access", r"login|logout|account clear|acr login|(role|ad|policy|identity|lock|managedapp|managedservices|account lock|account management-group|group lock|resource lock|devops security)( .*)? (create|update|delete|add|remove|set|reset|assign|grant|consent|admin-consent|append)"),
        ("access", r"keyvault (set-policy|delete-policy|update|role .*|network-rule .*)|.* (ad-admin|admin-user|aad|active-directory) .*|sql server ad-.*|.* update-credentials|aks update-credentials|vm user .*|vmss user .*"),
        ("execute", r"(vm|vmss|webapp|containerapp|container|aks|acr|ml)( .*)? (run-command .*|run-command|exec|ssh|command invoke|create-remote-connection|attach)|acr (run|build|task run|pack build)|ssh .*|serial-console .*|aks command .*|acr check-health|aks check-acr"),
        ("execute", r"extension (add|update|remove)|upgrade|interactive|aks browse|bicep (install|upgrade|uninstall|build|build-params|decompile|generate-params|publish|restore)|deployment-scripts create|.* run"),
        ("read", r"bicep (lint|version|list-versions)|deployment (sub|group|mg|tenant) (what-if|validate)|webapp log (show|tail|deployment .*)|acr check-name|aks (get-versions|get-upgrades)"),
        ("unknown", r"feedback|rest|vm (create-from.*)"),
    ],
}


def effect(tool, command):
    for word, pattern in EXCEPTIONS[tool]:
        if re.fullmatch(pattern, command):
            return word
    words = command.split()
    verb = words[-1]
    if re.fullmatch(REVEALS, verb) and not re.fullmatch(r"(delete|remove|list|describe)-.*-?(versions|names|metadata).*", verb):
        return "secret" if re.match(r"get|list|show|describe|print|generate|create|export|access|retrieve|fetch|download|reset|renew", verb) else "access"
    for word, pattern in [
        ("access", ACCESS),
        ("destroy", DESTROY),
        ("execute", EXECUTE),
        ("read", READ),
        ("write", WRITE),
    ]:
        if re.fullmatch(pattern.replace("\n", ""), verb):
            return word
    # `health-checks create http`, `connection create redis`.
    if len(words) > 2 and words[-2] in ("create", "update", "import", "add-job"):
        return "write"
    return "unknown"


def of_gcloud(folder):
    version = open(f"{folder}/VERSION").read().strip()
    names = {}
    exec(open(f"{folder}/data/cli/gcloud_completions.py").read(), names)
    found = set()

    def walk(node, path):
        below = node.get("commands") or {}
        if not below and path:
            found.add(" ".join(path[1:] if path[0] in ("alpha", "beta", "preview") else path))
        for word, child in below.items():
            walk(child, path + [word])

    walk(names["STATIC_COMPLETION_CLI_TREE"], [])
    # They stand in no completion.
    found |= {"help", "config get-value", "version", "info", "config config-helper"}
    return version, found


def main():
    tool = sys.argv[1]
    if tool == "gcloud":
        version, commands = of_gcloud(sys.argv[2])
    else:
        version, commands = sys.argv[3], set(open(sys.argv[2]).read().split("\n"))
    lines = {}
    for command in commands - {""}:
        *group, verb = command.split()
        lines.setdefault((" ".join(group), effect(tool, command)), []).append(verb)
    print(f"# {tool} {version}, by generate/cloud_commands.py")
    for (group, word), verbs in sorted(lines.items()):
        print(f"{word} {group}: {' '.join(sorted(verbs))}")


main()
