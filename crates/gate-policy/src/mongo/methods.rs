//! What the methods of mongosh and the commands of a server do, by name.

use crate::effect::Effect;

/// What a call of a method does.
const METHODS: &[(Effect, &str)] = &[
    (
        Effect::Read,
        "find findOne countDocuments estimatedDocumentCount distinct count aggregate explain \
         limit sort skip toArray pretty hint batchSize maxTimeMS collation comment itcount size \
         hasNext next projection readPref readConcern allowDiskUse min max returnKey showRecordId \
         getIndexes getIndexKeys getSearchIndexes stats dataSize storageSize totalSize \
         totalIndexSize isCapped latencyStats getSiblingDB getCollection \
         getCollectionNames getCollectionInfos getName getFullName getMongo getDBNames getDBs \
         hostInfo serverStatus currentOp version serverBuildInfo getProfilingStatus listCommands \
         status conf config hello isMaster printReplicationInfo printSecondaryReplicationInfo \
         getReplicationInfo printShardingStatus getShardDistribution isBalancerRunning \
         getBalancerState getUsers getUser getRoles getRole help getLogComponents getFreeMonitoringStatus",
    ),
    (
        Effect::Write,
        "insert insertOne insertMany update updateOne updateMany replaceOne save findOneAndUpdate \
         findOneAndReplace createIndex createIndexes ensureIndex createSearchIndex \
         updateSearchIndex createCollection createView renameCollection convertToCapped \
         setProfilingLevel setLogLevel reIndex compact stepDown reconfig add addArb initiate \
         freeze syncFrom enableSharding shardCollection moveChunk splitAt splitFind startBalancer \
         stopBalancer setBalancerState hideIndex unhideIndex fsyncLock fsyncUnlock addShard \
         validate",
    ),
    (
        Effect::Destroy,
        "deleteOne deleteMany remove findOneAndDelete findAndModify bulkWrite drop dropIndex \
         dropIndexes dropSearchIndex dropDatabase shutdownServer removeShard",
    ),
    (
        Effect::Access,
        "createUser updateUser dropUser dropAllUsers changeUserPassword grantRolesToUser \
         revokeRolesFromUser createRole updateRole dropRole dropAllRoles grantPrivilegesToRole \
         revokePrivilegesFromRole grantRolesToRole revokeRolesFromRole auth logout killOp",
    ),
    // The options of a server can hold the password of its key file.
    (Effect::Secret, "serverCmdLineOpts"),
    (Effect::Execute, "mapReduce eval"),
];

/// Collections that hold credentials or keys.
const SECRET_COLLECTIONS: &[&str] = &[
    "system.users",
    "system.backup_users",
    "system.new_users",
    "system.keys",
];

/// What a command of a server does.
const COMMANDS: &[(Effect, &str)] = &[
    (
        Effect::Read,
        "ping hello isMaster ismaster buildInfo buildinfo serverStatus hostInfo dbStats dbstats \
         collStats collstats listCollections listDatabases listIndexes find count distinct \
         aggregate explain connectionStatus currentOp replSetGetStatus replSetGetConfig top \
         whatsmyuri usersInfo rolesInfo listCommands shardingState balancerStatus dataSize \
         listShards",
    ),
    (
        Effect::Write,
        "insert update create createIndexes renameCollection collMod compact reIndex profile \
         replSetReconfig replSetStepDown enableSharding shardCollection moveChunk fsync",
    ),
    (
        Effect::Destroy,
        "delete findAndModify findandmodify drop dropDatabase dropIndexes deleteIndexes bulkWrite \
         shutdown removeShard",
    ),
    (
        Effect::Access,
        "createUser updateUser dropUser dropAllUsersFromDatabase grantRolesToUser \
         revokeRolesFromUser createRole updateRole dropRole grantPrivilegesToRole \
         revokePrivilegesFromRole setParameter killOp killSessions killAllSessions",
    ),
    (Effect::Secret, "getParameter getCmdLineOpts getLog"),
    (Effect::Execute, "mapReduce mapreduce eval"),
];

/// Returns what a call of a method does.
pub(super) fn effect_of_method(name: &str) -> Effect {
    effect_in(METHODS, name)
}

/// Returns what a command of a server does.
pub(super) fn effect_of_command(name: &str) -> Effect {
    effect_in(COMMANDS, name)
}

fn effect_in(table: &[(Effect, &str)], name: &str) -> Effect {
    let mut rows = table.iter();
    let row = rows.find(|(_, names)| names.split_ascii_whitespace().any(|known| known == name));
    row.map_or(Effect::Unknown, |(effect, _)| *effect)
}

/// Tells whether a text names a collection of credentials, in one string or
/// part by part: `db["system"].users`.
pub(super) fn names_secret_collection(text: &str) -> bool {
    let letters = text.chars().filter_map(|letter| match letter {
        '[' => Some('.'),
        ']' | '(' | ')' | '"' | '\'' | '`' => None,
        blank if blank.is_whitespace() => None,
        letter => Some(letter),
    });
    let squeezed: String = letters.collect();
    let squeezed = squeezed.replace("getCollection", "").replace("..", ".");
    let mut names = SECRET_COLLECTIONS.iter();
    names.any(|name| squeezed.contains(name))
}

/// Returns what a key inside a literal adds, wherever it stands.
pub(super) fn effect_of_key(key: &str) -> Option<Effect> {
    match key {
        "$out" | "$merge" => Some(Effect::Write),
        "$where" | "$function" | "$accumulator" => Some(Effect::Execute),
        "showCredentials" | "showPrivileges" => Some(Effect::Secret),
        _ => None,
    }
}
