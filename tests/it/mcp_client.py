"""The official MCP client, told what to do line by line: a JSON step on stdin, its JSON outcome on stdout.

    python mcp_client.py http URL
    python mcp_client.py stdio COMMAND [ARGUMENT...]      (the server gets this process's environment)

Steps: {"list": true} and {"call": TOOL, "arguments": {...}, "progress": true}.
The client itself checks each structured answer against the tool's output schema and fails when it does not fit.
"""

import asyncio
import json
import os
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError


async def list_tools(client):
    tools, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor)
        tools += [tool.model_dump(by_alias=True, exclude_none=True) for tool in page.tools]
        cursor = page.next_cursor
        if not cursor:
            return {"tools": tools}


async def call(client, step):
    told = []

    async def progress(done, total, message):
        told.append([done, total, message])

    callback = progress if step.get("progress") else None
    try:
        result = await client.call_tool(step["call"], step.get("arguments"), progress_callback=callback)
    except MCPError as error:
        return {"error": {"code": error.error.code, "message": error.error.message}}
    raw = result.model_dump_json(by_alias=True, exclude_none=True)
    return {
        "is_error": bool(result.is_error),
        "text": "\n".join(block.text for block in result.content if block.type == "text"),
        "structured": result.structured_content,
        "characters": len(raw),
        "progress": told,
    }


async def main(how, *where):
    server = where[0]
    if how == "stdio":
        server = StdioServerParameters(command=where[0], args=list(where[1:]), env=dict(os.environ))
    async with Client(server) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            step = json.loads(line)
            outcome = await (list_tools(client) if "list" in step else call(client, step))
            print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
