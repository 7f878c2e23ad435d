using System.Collections.Concurrent;
using Delos.Client.MetaStore;

namespace Delos.Tests.VirtualLogs;

/// <summary>Versioned registers in memory, with the faults of a distant MetaStore on demand.</summary>
internal sealed class MemoryMetaStore : IMetaStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, VersionedValue> _values = [];

    /// <summary>Asked for every write.</summary>
    public Func<WriteFault>? OnWrite { get; set; }

    /// <summary>While true every operation fails.</summary>
    public bool IsDown { get; set; }

    /// <summary>Every value of every register, for looking back.</summary>
    public ConcurrentQueue<(string Register, VersionedValue Value)> History { get; } = new();

    public int Reads;

    /// <summary>Reads wait for this: a MetaStore that does not answer.</summary>
    public Task Answers { get; set; } = Task.CompletedTask;

    public async ValueTask<VersionedValue> ReadAsync(string register, CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        Interlocked.Increment(ref Reads);
        await Answers.WaitAsync(cancellationToken);
        if (IsDown) throw new MetaStoreUnavailableException("down", outcomeUnknown: false);
        lock (_lock) return _values.GetValueOrDefault(register);
    }

    public async ValueTask<WriteResult> WriteAsync(string register, ulong expectedVersion, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        if (IsDown) throw new MetaStoreUnavailableException("down", outcomeUnknown: false);
        var fault = OnWrite?.Invoke() ?? WriteFault.None;
        if (fault == WriteFault.LoseRequest) throw new MetaStoreUnavailableException("timed out", outcomeUnknown: true);
        WriteResult result;
        lock (_lock)
        {
            var current = _values.GetValueOrDefault(register);
            if (current.Version == expectedVersion)
            {
                var value = new VersionedValue(expectedVersion + 1, payload.ToArray());
                _values[register] = value;
                History.Enqueue((register, value));
                result = new WriteResult(true, value);
            }
            else
            {
                result = new WriteResult(false, current);
            }
        }

        return fault == WriteFault.LoseAnswer ? throw new MetaStoreUnavailableException("timed out", outcomeUnknown: true) : result;
    }

    public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        lock (_lock) return ValueTask.FromResult<IReadOnlyList<string>>([.. _values.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)]);
    }
}

internal enum WriteFault
{
    None,
    LoseRequest,

    /// <summary>The write is decided; its writer does not hear of it.</summary>
    LoseAnswer,
}
