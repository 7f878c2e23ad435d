using Delos.Protocol.Messages;

namespace Delos.Runtime;

/// <summary>How far a store is: committed together with the effects of everything below <paramref name="Next"/> (DESIGN §3).</summary>
/// <param name="Next">First position not applied.</param>
/// <param name="Checksum">Of all effects so far: equal on all replicas that applied the same entries alike.</param>
/// <param name="Time">Log time, ms since 1970.</param>
/// <param name="Commands">Commands applied so far.</param>
/// <param name="TrimPoint">How far the log may be trimmed, as far as the reports say.</param>
/// <param name="Swept">The session at which the last sweep stopped.</param>
/// <param name="Diverged">Others said that this state is not theirs: it must not be served.</param>
internal readonly record struct CursorRecord(long Next, ulong Checksum, long Time, long Commands, long TrimPoint, ulong Swept, bool Diverged)
{
    private const int Size = 49;

    public byte[] Encode()
    {
        var bytes = new byte[Size];
        var writer = new MessageWriter(bytes);
        writer.I64(Next);
        writer.U64(Checksum);
        writer.I64(Time);
        writer.I64(Commands);
        writer.I64(TrimPoint);
        writer.U64(Swept);
        writer.Bool(Diverged);
        return bytes;
    }

    /// <exception cref="InvalidDataException">It makes no sense.</exception>
    public static CursorRecord Load(IStoreReader store)
    {
        if (store.Get(StoreSpace.Runtime, RuntimeKeys.Cursor) is not { } bytes) return default;
        var reader = new MessageReader(bytes);
        var record = new CursorRecord(reader.Position(), reader.U64(), reader.Position(), reader.Position(), reader.Position(), reader.U64(), reader.Bool());
        return reader.IsComplete ? record : throw new InvalidDataException("The store's cursor makes no sense.");
    }
}
