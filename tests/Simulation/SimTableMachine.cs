using Delos.Runtime;
using Delos.Tables;

namespace Delos.Tests.Simulation;

/// <summary>The tables of one process, which can be made to fail: at a command at which everybody does, or at those that this one's program does not bear.</summary>
internal sealed class SimTableMachine : IStateMachine
{
    private readonly TableStateMachine _tables;

    public SimTableMachine()
    {
        var cache = new SchemaCache();
        _tables = new TableStateMachine(cache);
        Queries = new TableQueries(cache);
    }

    /// <summary>At which every replica fails.</summary>
    public static byte[] Poison { get; } = [0xEE, .. "poison"u8];

    public required IReadOnlyList<byte[]> Hated { get; init; }

    public TableQueries Queries { get; }

    public ReadOnlyMemory<byte> Apply(IStoreTransaction store, in CommandContext context, ReadOnlySpan<byte> command)
    {
        var answer = _tables.Apply(store, context, command);

        // After the effects: they must not stay.
        if (command.SequenceEqual(Poison)) throw new InvalidOperationException("poison for all");
        foreach (var hated in Hated)
        {
            if (command.SequenceEqual(hated)) throw new InvalidOperationException("poison for this one");
        }

        return answer;
    }

    public void Complete(IStoreTransaction store) => _tables.Complete(store);
}
