using System.Collections.Concurrent;
using System.Text;
using Delos.Runtime;

namespace Delos.Tests.Runtime;

/// <summary>A state machine for tests: registers by name. <c>set k v</c>, <c>add k n</c> (answers the sum), <c>fail</c> (throws), <c>refuse</c> (answers so); anything may be set to go wrong in one replica.</summary>
internal sealed class Registers : IStateMachine
{
    /// <summary>Throw at commands for which this is true.</summary>
    public Func<string, bool> IsPoison { get; set; } = static c => c == "fail";

    /// <summary>What this replica makes of a value that is set: a replica that computes differently.</summary>
    public Func<string, string> Distort { get; set; } = static v => v;

    public int Applied;

    /// <summary>The cursors that it was told.</summary>
    public ConcurrentQueue<long> Committed { get; } = new();

    public ReadOnlyMemory<byte> Apply(IStoreTransaction store, in CommandContext context, ReadOnlySpan<byte> command)
    {
        Interlocked.Increment(ref Applied);
        var text = Encoding.UTF8.GetString(command);
        var words = text.Split(' ');
        switch (words)
        {
            case ["set", var key, var value]:
                store.Put(StoreSpace.Data, Bytes(key), Bytes(Distort(value)));
                break;
            case ["add", var key, var amount]:
                var sum = int.Parse(Get(store, key) ?? "0") + int.Parse(amount);
                store.Put(StoreSpace.Data, Bytes(key), Bytes(sum.ToString()));
                return Bytes(sum.ToString());
            case ["peek"]:
                store.Get(StoreSpace.Runtime, "c"u8);
                break;
            case ["gate", var feature]:
                return Bytes(context.Gates.LevelOf(feature).ToString());
        }

        // After the effects: they must not stay.
        if (IsPoison(text)) throw new InvalidOperationException($"'{text}' makes no sense.");
        return words[0] == "refuse" ? "no"u8.ToArray() : default;
    }

    public void OnCommitted(long cursor) => Committed.Enqueue(cursor);

    public static string? Get(IStoreReader store, string key) => store.Get(StoreSpace.Data, Bytes(key)) is { } value ? Encoding.UTF8.GetString(value) : null;

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
