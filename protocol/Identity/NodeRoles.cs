namespace Delos.Protocol.Identity;

/// <summary>What a node does in its cluster. On the wire and in the node list: values never change.</summary>
[Flags]
public enum NodeRoles : uint
{
    None = 0,
    Sequencer = 1,
    LogServer = 2,
    MetaStore = 4,
    Table = 8,
}
