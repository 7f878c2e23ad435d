using System.Text;
using Delos.Runtime;

namespace Delos.Samples.LockService;

/// <summary>
/// Named locks with leases, as a replicated state machine. Commands are text: <c>acquire NAME OWNER SECONDS</c>, <c>release NAME OWNER</c>; the answer is <c>held</c> or <c>free</c> and, if held, by whom and the fencing token.
/// Time is the log's, so all replicas agree on when a lease is over.
/// </summary>
internal sealed class Locks : IStateMachine
{
    public ReadOnlyMemory<byte> Apply(IStoreTransaction store, in CommandContext context, ReadOnlySpan<byte> command)
    {
        var words = Encoding.UTF8.GetString(command).Split(' ');
        switch (words)
        {
            case ["acquire", var name, var owner, var seconds] when uint.TryParse(seconds, out var lease):
                var held = Read(store, name, context.Time);
                if (held is not null && held.Owner != owner) return held.Encode();
                var taken = new Lock(owner, held?.Token ?? context.Position, context.Time.AddSeconds(lease).ToUnixTimeMilliseconds());
                store.Put(StoreSpace.Data, Encoding.UTF8.GetBytes(name), taken.Encode());
                return taken.Encode();
            case ["release", var name, var owner]:
                var released = Read(store, name, context.Time);
                if (released is not null && released.Owner != owner) return released.Encode();
                store.Delete(StoreSpace.Data, Encoding.UTF8.GetBytes(name));
                return "free"u8.ToArray();
            default:
                // Bad input is an answer; an exception would stop all replicas.
                return "error: acquire NAME OWNER SECONDS | release NAME OWNER"u8.ToArray();
        }
    }

    /// <summary>Who holds a lock at that time; null: nobody.</summary>
    public static Lock? Read(IStoreReader store, string name, DateTimeOffset now) =>
        store.Get(StoreSpace.Data, Encoding.UTF8.GetBytes(name)) is { } bytes && Lock.Decode(bytes) is var found && found.Until > now.ToUnixTimeMilliseconds() ? found : null;

    /// <param name="Owner">Who holds it.</param>
    /// <param name="Token">Rises with each change of the owner: what the lock guards can refuse a former owner that is late.</param>
    /// <param name="Until">The end of the lease, log time in ms since 1970.</param>
    public sealed record Lock(string Owner, long Token, long Until)
    {
        public byte[] Encode() => Encoding.UTF8.GetBytes($"held {Owner} {Token} {Until}");

        public static Lock Decode(ReadOnlySpan<byte> bytes)
        {
            var words = Encoding.UTF8.GetString(bytes).Split(' ');
            return new Lock(words[1], long.Parse(words[2]), long.Parse(words[3]));
        }
    }
}
