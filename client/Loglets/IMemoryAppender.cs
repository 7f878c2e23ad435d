using Delos.Protocol.Framing;

namespace Delos.Client.Loglets;

/// <summary>Who appends to a <see cref="MemoryLogletCore"/>.</summary>
internal interface IMemoryAppender
{
    /// <summary>The outcome of an append; told to its op by <see cref="Deliver"/>.</summary>
    void Complete(AppendOp op, StatusCode status, long position);

    void Deliver();
}
