namespace Delos.Protocol.Framing;

/// <summary>Bits of the frame header. On the wire: values never change.</summary>
[Flags]
public enum FrameFlags : ushort
{
    None = 0,

    /// <summary>Answers the request with the same correlation id.</summary>
    Reply = 1,
}
