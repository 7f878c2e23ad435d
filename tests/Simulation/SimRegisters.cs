using Delos.Client.MetaStore;
using Delos.Tests.Histories;

namespace Delos.Tests.Simulation;

/// <summary>What every client was told of the registers, for <see cref="LinearizabilityChecker"/>.</summary>
internal sealed class SimRegisters(SimWorld world)
{
    private readonly SortedDictionary<string, SortedDictionary<ulong, HistoryOperation<RegisterOperation>>> _writes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, List<HistoryOperation<RegisterOperation>>> _reads = new(StringComparer.Ordinal);

    public long Operations { get; private set; }

    public void OnRead(string register, long begun, DecidedVersion decided) =>
        Of(_reads, register).Add(new HistoryOperation<RegisterOperation>(begun, world.Now, RegisterOperation.Read(decided.Version, decided.Value?.WriteId ?? 0)));

    /// <summary>Until its end is told its outcome is unknown.</summary>
    public void OnWriteBegun(string register, long begun, RegisterWrite write) =>
        Of(_writes, register)[write.WriteId] = new HistoryOperation<RegisterOperation>(begun, null, RegisterOperation.Unknown(write.Expected, write.WriteId));

    public void OnWritten(string register, long begun, RegisterWrite write, ProposerResult result)
    {
        var operation = result.Won ? RegisterOperation.Won(write.Expected, write.WriteId) : RegisterOperation.Lost(write.Expected, write.WriteId, result.Decided.Version, result.Decided.Value?.WriteId ?? 0);
        Of(_writes, register)[write.WriteId] = new HistoryOperation<RegisterOperation>(begun, world.Now, operation);
    }

    public void Check()
    {
        foreach (var (register, reads) in _reads)
        {
            HistoryOperation<RegisterOperation>[] history = [.. reads, .. Of(_writes, register).Values];
            Operations += history.Length;
            var result = LinearizabilityChecker.Check(new RegisterSpec(), history);
            if (result.IsLinearizable == true) continue;
            foreach (var operation in result.Unplaced) world.Tell($"no place for {operation}");
            world.Violate(result.IsLinearizable is null ? $"the history of register {register} is too large to be judged" : $"the history of register {register} is not linearizable");
        }
    }

    private static T Of<T>(SortedDictionary<string, T> all, string register)
        where T : new()
    {
        if (!all.TryGetValue(register, out var one)) all[register] = one = new T();
        return one;
    }
}
