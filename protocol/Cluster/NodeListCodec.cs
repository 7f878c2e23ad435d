using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Protocol.Cluster;

/// <summary>The bytes of the node list in its MetaStore register. Format 1; see docs/protocol.md. The version is the register's and is not among the bytes.</summary>
public static class NodeListCodec
{
    private const byte Format = 1;
    private const int NodeFixedSize = 4 + 16 + 4 + 2 + 4;

    public static byte[] Encode(NodeList list)
    {
        var size = 1 + 4;
        foreach (var node in list.Nodes) size += NodeFixedSize - 4 + MessageWriter.SizeOf(node.Host);
        var bytes = new byte[size];
        var writer = new MessageWriter(bytes);
        writer.U8(Format);
        writer.U32((uint)list.Nodes.Count);
        foreach (var node in list.Nodes)
        {
            writer.U32(node.NodeId);
            writer.Guid(node.DiskId);
            writer.Text(node.Host);
            writer.U16((ushort)node.Port);
            writer.U32((uint)node.Roles);
        }

        return bytes;
    }

    /// <summary>Null if the bytes are no well-formed list, sorted by node id, each id once and none zero.</summary>
    public static NodeList? Decode(ulong version, ReadOnlySpan<byte> bytes)
    {
        var reader = new MessageReader(bytes);
        if (reader.U8() != Format) return null;
        var nodes = new NodeInfo[reader.Count(NodeFixedSize)];
        if (nodes.Length > NodeList.MaxNodes) return null;
        var former = 0u;
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = new NodeInfo(reader.U32(), reader.Guid(), reader.Text(), reader.U16(), (NodeRoles)reader.U32());
            if (node.NodeId <= former) return null;
            former = node.NodeId;
            nodes[i] = node;
        }

        return reader.IsComplete ? new NodeList(version, nodes) : null;
    }
}
