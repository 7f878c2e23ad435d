using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging;

namespace Delos.Daemon.LogServers;

/// <summary>What all replicas of the role share.</summary>
internal sealed class LogServerShared(LogServerOptions options, TimeProvider time, ILogger logger, Action<Exception> onFatal)
{
    private Exception? _failure;

    public TimeProvider Time => time;

    public ILogger Logger => logger;

    /// <inheritdoc cref="LogServerOptions.SubscribersInCrowd"/>
    public int SubscribersInCrowd => options.SubscribersInCrowd;

    public BackPressure BackPressure { get; } = new(options);

    public CommitRound Round { get; } = new();

    /// <summary>Why the disk failed; null while it works.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>A replica lacks committed entries, or found damage, and its peers have to help.</summary>
    public Action<LogletId> OnLaggard { get; set; } = static _ => { };

    /// <summary>The disk failed: nothing is acknowledged from now on, and the host is told once.</summary>
    public void Fail(Exception reason)
    {
        if (Interlocked.CompareExchange(ref _failure, reason, null) is not null) return;
        logger.LogServerFailed(reason);
        BackPressure.ResumeIfUnder(all: true);
        onFatal(reason);
    }

    public void ReadFailed(LogletId loglet, Exception? reason) => logger.ReadFailed(reason, loglet);
}
