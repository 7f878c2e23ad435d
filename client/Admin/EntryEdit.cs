namespace Delos.Client.Admin;

/// <summary>What an operator makes of one entry that applications cannot live with. All applications that have read it already keep what they made of it: stop them first, or be sure that none has (trap 21).</summary>
public sealed record EntryEdit
{
    private EntryEdit(ReadOnlyMemory<byte>? payload) => Payload = payload;

    /// <summary>Readers do not see it any more.</summary>
    public static EntryEdit Delete { get; } = new((ReadOnlyMemory<byte>?)null);

    /// <summary>Readers see that payload instead.</summary>
    public static EntryEdit Replace(ReadOnlyMemory<byte> payload) => new(payload);

    /// <summary>Null: deleted.</summary>
    public ReadOnlyMemory<byte>? Payload { get; }
}
