namespace Delos.Daemon.Storage;

/// <summary>State that cannot be repaired from a peer is damaged: the role must not start (DESIGN §3, LogServer rule 6).</summary>
public sealed class StorageCorruptException(string file, long offset, long length)
    : Exception($"{file} is damaged at offset {offset} ({length} bytes): records that were durable are lost, and no peer has a copy of them. Give the node an empty disk: 'delosd init --replace' there, then 'delosd node replace'.")
{
    public string File { get; } = file;

    public long Offset { get; } = offset;

    public long Length { get; } = length;
}
