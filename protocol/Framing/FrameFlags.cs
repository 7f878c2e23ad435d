namespace Delos.Protocol.Framing;

/// <summary>Bits of the frame header. On the wire: values never change.</summary>
[Flags]
public enum FrameFlags : ushort
{
    None = 0,

    /// <summary>Answers the request with the same correlation id.</summary>
    Reply = 1,

    /// <summary>On a StoreAck: readers at the replica wait for the global tail. Whoever does not know the flag tells it to them a little later.</summary>
    WantsTail = 2,
}
