using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Client;

/// <summary>The log messages of this assembly: events 100 to 299.</summary>
internal static partial class Log
{
    // MetaStore: 100 to 119

    [LoggerMessage(100, LogLevel.Debug, "MetaStore register {Register}: attempt {Attempt} ended ({Reason}); next one in {Delay}.")]
    public static partial void MetaStoreBackOff(this ILogger logger, string register, int attempt, string reason, TimeSpan delay);

    // VirtualLog and reconfiguration: 200 to 239

    [LoggerMessage(200, LogLevel.Information, "Log '{LogName}': version {Version} begins a segment at {Start} with Loglet {Loglet}, sequenced by node {Sequencers} ({Reason}); nothing could be appended for {PauseMs:0.0} ms.")]
    public static partial void SegmentInstalled(this ILogger logger, string logName, ulong version, long start, LogletId loglet, string sequencers, string reason, double pauseMs);

    [LoggerMessage(201, LogLevel.Information, "Log '{LogName}': somebody else extended the chain first, it is at version {Version}.")]
    public static partial void ExtensionLost(this ILogger logger, string logName, ulong version);

    [LoggerMessage(202, LogLevel.Warning, "Loglet {Loglet} is not used: node {Sequencer} did not open it ({Status}).")]
    public static partial void CandidateNotOpened(this ILogger logger, LogletId loglet, uint sequencer, StatusCode status);

    [LoggerMessage(203, LogLevel.Warning, "Loglet {Loglet} could not be deleted everywhere; what is left of it takes room but harms nothing.")]
    public static partial void CandidateNotDeleted(this ILogger logger, LogletId loglet, Exception exception);

    [LoggerMessage(204, LogLevel.Warning, "Log '{LogName}': whether version {Version} was written is not known yet; finding out.")]
    public static partial void ChainWriteUnknown(this ILogger logger, string logName, ulong version, Exception exception);

    [LoggerMessage(205, LogLevel.Information, "Log '{LogName}': Loglet {Loglet} takes no more appends ({Cause}); waiting for its successor.")]
    public static partial void SuccessorAwaited(this ILogger logger, string logName, LogletId loglet, string cause);

    [LoggerMessage(206, LogLevel.Warning, "Log '{LogName}': no successor for Loglet {Loglet} yet: {Problem}")]
    public static partial void NoSuccessorYet(this ILogger logger, string logName, LogletId loglet, string problem);

    [LoggerMessage(207, LogLevel.Debug, "Log '{LogName}': {Count} appends of unknown outcome resolved in segment {Start}..{Stop}: {Found} found, {Absent} absent, {Unknown} untold.")]
    public static partial void AppendsResolved(this ILogger logger, string logName, int count, long start, long stop, int found, int absent, int unknown);

    [LoggerMessage(208, LogLevel.Warning, "Log '{LogName}': appends wait: {Problem}")]
    public static partial void AppendsWait(this ILogger logger, string logName, string problem);

    [LoggerMessage(209, LogLevel.Warning, "Log '{LogName}': reading at {Position} failed, trying again: {Problem}")]
    public static partial void ReadRetried(this ILogger logger, string logName, long position, string problem);

    [LoggerMessage(210, LogLevel.Warning, "Log '{LogName}': the chain could not be read anew, going on with the one known: {Problem}")]
    public static partial void ChainNotRefreshed(this ILogger logger, string logName, string problem);

    [LoggerMessage(211, LogLevel.Error, "Log '{LogName}': appending failed for a reason that no retry helps against; unresolved appends are answered with an error.")]
    public static partial void AppendsAbandoned(this ILogger logger, string logName, Exception exception);

    [LoggerMessage(212, LogLevel.Debug, "Log '{LogName}': the subscription that several followers shared has ended; each goes on by itself.")]
    public static partial void SharedSubscriptionEnded(this ILogger logger, string logName, Exception exception);

    // Loglets: 240 to 259

    [LoggerMessage(240, LogLevel.Error, "The callback of append {Id} failed; it will not hear of its outcome again.")]
    public static partial void AppendCallbackFailed(this ILogger logger, Exception exception, AppendId id);

    [LoggerMessage(241, LogLevel.Warning, "Node {Node} refused appends to Loglet {Loglet} ({Code}): {Text}")]
    public static partial void AppendsRefused(this ILogger logger, LogletId loglet, uint node, StatusCode code, string text);

    [LoggerMessage(242, LogLevel.Information, "The sequencer of Loglet {Loglet} on node {Node} is lost: {Reason}")]
    public static partial void SequencerLost(this ILogger logger, LogletId loglet, uint node, string reason);

    [LoggerMessage(243, LogLevel.Warning, "Appends to Loglet {Loglet} stay unanswered, and whether it is sealed cannot be told: {Reason}")]
    public static partial void AppendsUnanswered(this ILogger logger, LogletId loglet, string reason);

    [LoggerMessage(244, LogLevel.Debug, "The sequencer of Loglet {Loglet} on node {Node} does not tell the tail, asking the replicas: {Reason}")]
    public static partial void FastTailFailed(this ILogger logger, LogletId loglet, uint node, string reason);

    [LoggerMessage(245, LogLevel.Debug, "A subscription to Loglet {Loglet} leaves node {Node}: {Reason}")]
    public static partial void SubscriptionMoves(this ILogger logger, LogletId loglet, uint node, string reason);
}
