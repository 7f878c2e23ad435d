using System.Collections.Concurrent;
using Delos.Protocol.Chains;
using Delos.Protocol.Identity;
using Microsoft.Extensions.Logging.Abstractions;

namespace Delos.Client.Loglets;

/// <summary>Loglets inside this process: every <see cref="Open"/> with the same id reaches the same one.</summary>
public sealed class MemoryLogletFactory(MemoryLogletFaults? faults = null) : ILogletFactory
{
    private readonly ConcurrentDictionary<LogletId, MemoryLogletCore> _cores = new();

    public MemoryLogletFaults Faults { get; } = faults ?? new MemoryLogletFaults();

    /// <summary>A config for a new Loglet.</summary>
    public static LogletConfig NewConfig() => new(LogletId.NewRandom(), LogletKind.Memory, 0, 0, [], []);

    public ILoglet Open(LogletConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.Kind == LogletKind.Striped) return new StripedLoglet(config, Open, TimeProvider.System, NullLogger.Instance);
        return new MemoryLoglet(config, Core(config.Id));
    }

    /// <summary>Commits and acknowledges what <see cref="MemoryAppendFault.Hold"/> holds.</summary>
    public void CommitHeld(LogletId loglet) => Core(loglet).CommitHeld();

    private MemoryLogletCore Core(LogletId id) => _cores.GetOrAdd(id, static (key, self) => new MemoryLogletCore(key, self.Faults), this);
}
